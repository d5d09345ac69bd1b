"""How long the web processes wait for one answer of the database.

A server that dies closes its connections. One that hangs (a stuck disk, a machine that went without a word) does not,
and the requests that wait for it would take every thread, those that answer health checks too.
`pulseops.core.db.hang_watch` ends their waits within seconds. Where the server as such answers and only
one of its processes does not, a wait of more than DATABASE_ANSWER_SECONDS closes the connection, and the request is
answered 503.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from pulseops.core.db.hang_watch import watch

_CANCEL_SECONDS = 1.0
HOURS = 3600.0  # seconds; for what may have millions of rows to delete


class _BoundedWait:
    """psycopg's `Connection.wait` with an end; put before it on one connection."""

    def __init__(self, raw: psycopg.Connection[Any], seconds: float) -> None:
        self.seconds = seconds
        self._raw = weakref.ref(raw)  # or the two would keep each other
        self._watched = watch.add(raw)

    def __call__(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        raw = self._raw()
        assert raw is not None
        if timeout is not None:
            return type(raw).wait(raw, gen, interval, timeout)
        self._watched.begin()
        try:
            return type(raw).wait(raw, gen, interval, self.seconds)
        except psycopg.errors._WaitTimeout:
            with suppress(psycopg.Error):  # a server that is only slow shall not go on for nobody
                raw.cancel_safe(timeout=_CANCEL_SECONDS)
            raw.close()
            raise psycopg.OperationalError(f"The database has not answered for {self.seconds:g} seconds.") from None
        finally:
            self._watched.end()


def bound_waits(raw: psycopg.Connection[Any], seconds: float) -> None:
    """Let `raw` wait for no answer longer than `seconds`; it then is closed and raises psycopg.OperationalError.

    One that comes from a pool once more keeps what it was given the first time.
    """
    if isinstance(raw.wait, _BoundedWait):
        raw.wait.seconds = seconds
        return
    raw.wait = _BoundedWait(raw, seconds)  # type: ignore[method-assign]


def bound_web_waits(connection: Any, **_: Any) -> None:
    """Receive `connection_created`: bound the connections of the web processes, which are those that pool them."""
    if settings.DATABASE_POOL_SIZE and settings.DATABASE_ANSWER_SECONDS:
        bound_waits(connection.connection, settings.DATABASE_ANSWER_SECONDS)


@contextmanager
def answers_may_take(seconds: float) -> Iterator[None]:
    """Wait longer, `seconds`, for each answer within; for statements that are known to take their time."""
    connection.ensure_connection()
    wait = getattr(connection.connection, "wait", None)
    if not isinstance(wait, _BoundedWait):
        yield
        return
    before, wait.seconds = wait.seconds, max(wait.seconds, seconds)
    try:
        yield
    finally:
        wait.seconds = before
