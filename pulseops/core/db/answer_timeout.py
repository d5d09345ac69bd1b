"""How long the web processes wait for a lock and for one answer of the database.

The server ends both waits itself: `lock_timeout` and `statement_timeout` are set on each of their connections when it
is made, and what it ends is answered 503. A server that hangs ends nothing; `pulseops.core.db.hang_watch` is for that.
The worker and the dispatcher wait without end: they hold up no one who asks, and their jobs may take their time.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

HOURS = 3600.0  # seconds; for what may have millions of rows to delete
_SET = "SELECT set_config('statement_timeout', %s, %s)"
_bounded: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()


def is_bounded() -> bool:
    """Return whether this is a web process; they are those that pool their connections."""
    return bool(settings.DATABASE_POOL_SIZE)


def answer_milliseconds() -> int:
    """Return how long the server may work on one statement of this process, as `statement_timeout` wants it."""
    return round(settings.DATABASE_ANSWER_SECONDS * 1000) if is_bounded() else 0


def bound_web_waits(connection: Any, **_: Any) -> None:
    """Receive `connection_created`, which a pool's connection sends each time it is taken, and bound its waits once.

    By SET and not by libpq's `options`, which PgBouncer refuses.
    """
    raw = connection.connection
    if is_bounded() and raw not in _bounded:
        bound_waits(raw)
        _bounded.add(raw)


def bound_waits(raw: psycopg.Connection[Any]) -> None:
    """Let the server wait for a lock, and work on a statement of `raw`, no longer than the settings say."""
    limits = [f"SET lock_timeout = {round(settings.DATABASE_LOCK_SECONDS * 1000)}"]
    if answer := answer_milliseconds():
        limits.append(f"SET statement_timeout = {answer}")
    raw.execute("; ".join(limits))


def give_back_connection() -> None:
    """Let others have this thread's connection while it waits for something else; within a transaction it is kept."""
    if is_bounded() and not connection.in_atomic_block:
        connection.close()


@contextmanager
def answers_may_take(seconds: float) -> Iterator[None]:
    """Let each statement within take longer, `seconds`; for those that are known to take their time."""
    if not is_bounded() or not settings.DATABASE_ANSWER_SECONDS:
        yield
        return
    longer = max(answer_milliseconds(), round(seconds * 1000))
    before = _take(longer)
    try:
        yield
    finally:
        if not connection.needs_rollback and connection.is_usable():  # a rollback takes it back by itself
            _take(before)


def _take(milliseconds: int | str) -> str:
    """Set how long a statement may take, in a transaction until its end; return what was set before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before: str = cursor.fetchone()[0]
        cursor.execute(_SET, [str(milliseconds), connection.in_atomic_block])
    return before
