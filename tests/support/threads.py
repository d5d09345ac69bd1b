"""Several at once, each with a connection of its own to the tests' database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection, connections


def at_once(*acts: Callable[[], Any]) -> list[type[Exception] | None]:
    """Run `acts` in threads that start together, each connected; returns what each raised."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[type[Exception] | None] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(60)
            act()
        except Exception as error:
            outcomes[number] = type(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes
