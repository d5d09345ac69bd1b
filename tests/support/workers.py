"""Real processes of ours, on the tests' database."""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from pulseops.core.models import Heartbeat
from tests.support.prepared import PreparedCommands, StartedCommand
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_prepared: dict[str, PreparedCommands] = {}  # by the environment, in words


def environment(**more: str) -> dict[str, str]:
    """What a process needs to work on the tests' database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.support.worker_settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "OUTGOING_PRIVATE_HOSTS": "127.0.0.1",
        "LOG_FORMAT": "text",
        **more,
    }


def start_loop(**more: str) -> StartedCommand:
    """Start `manage.py dispatcher` and wait for its first heartbeat."""
    Heartbeat.objects.filter(name="loop").delete()
    process = _commands(**more).start("dispatcher")

    def is_alive() -> bool:
        assert process.poll() is None, "the loop has ended"
        return Heartbeat.objects.filter(name="loop").exists()

    wait_until(is_alive, told="the loop gave no sign of life")
    return process


def _commands(**more: str) -> PreparedCommands:
    name = str((connection.settings_dict["NAME"], sorted(more.items())))
    if name not in _prepared:
        _prepared[name] = PreparedCommands(environment(**more))
        atexit.register(_prepared[name].close)
    return _prepared[name]


def kill(process: StartedCommand) -> None:
    """kill -9."""
    process.send_signal(signal.SIGKILL)
    process.wait(60)


@contextmanager
def loop(**more: str) -> Iterator[StartedCommand]:
    """Run the loop for a while; it must end by itself when asked to."""
    process = start_loop(**more)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
