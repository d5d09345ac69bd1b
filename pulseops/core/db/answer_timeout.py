"""How long a process waits for a lock and for one answer of the database, and how long it may hold a transaction idle.

The server ends these waits itself: `lock_timeout`, `statement_timeout` and `idle_in_transaction_session_timeout` are
set on each connection when it is made, and what it ends of a web process is answered 503. A server that hangs ends
nothing; `pulseops.core.db.hang_watch` is for that. The statements of the worker and the dispatcher may take their time,
but they wait for a lock no longer than DATABASE_JOB_LOCK_SECONDS: what waits holds the locks that it has, and a thread
that all organisations need.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

HOURS = 3600.0  # seconds; for what may have millions of rows to delete
_SET = "SELECT set_config('statement_timeout', %s, %s)"
_SET_LOCK = "SELECT set_config('lock_timeout', %s, false)"
_bounded: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()
_in_background = threading.Event()  # set by a process that is a worker or a dispatcher; forked ones inherit it


def is_bounded() -> bool:
    """Return whether this is a web process; they are those that pool their connections."""
    return bool(settings.DATABASE_POOL_SIZE)


def answer_milliseconds() -> int:
    """Return how long the server may work on one statement of this process, as `statement_timeout` wants it."""
    return round(settings.DATABASE_ANSWER_SECONDS * 1000) if is_bounded() else 0


def is_background() -> bool:
    """Return whether this process is a worker or a dispatcher; a command that someone runs waits as psql does."""
    return _in_background.is_set() and not is_bounded()


def work_in_background(**_: Any) -> None:
    """Let this process be a worker or dispatcher, and bound the waits of the connection that it has by now.

    Receives django-q's `pre_execute` as well, for a worker's processes that inherit nothing.
    """
    _in_background.set()
    if connection.connection is not None:
        bound_new_connection(connection)


def bound_new_connection(connection: Any, **_: Any) -> None:
    """Receive `connection_created`, which a pool's connection sends each time it is taken, and bound its waits once.

    By SET and not by libpq's `options`, which PgBouncer refuses.
    """
    raw = connection.connection
    if raw not in _bounded and (is_bounded() or is_background()):
        bound_waits(raw)
        _bounded.add(raw)


def bound_waits(raw: psycopg.Connection[Any]) -> None:
    """Let the server wait for a lock, work on a statement and keep a transaction of `raw` as long as settings say."""
    limits = [f"SET lock_timeout = {_lock_milliseconds()}"]
    limits.append(f"SET idle_in_transaction_session_timeout = {round(settings.DATABASE_IDLE_SECONDS * 1000)}")
    if answer := answer_milliseconds():
        limits.append(f"SET statement_timeout = {answer}")
    raw.execute("; ".join(limits))


def give_back_connection() -> None:
    """Let others have this thread's connection while it waits for something else; within a transaction it is kept."""
    if is_bounded() and not connection.in_atomic_block:
        connection.close()


def _lock_milliseconds() -> int:
    seconds = settings.DATABASE_LOCK_SECONDS if is_bounded() else settings.DATABASE_JOB_LOCK_SECONDS
    return round(seconds * 1000)


@contextmanager
def locks_may_take(seconds: float) -> Iterator[None]:
    """Let a job of a worker wait for its locks so long, as one that builds an index beside senders has to.

    Within, a statement may set `lock_timeout` otherwise and reset it: afterwards it is as before.
    """
    if not is_background():
        yield
        return
    _lock_timeout(round(seconds * 1000))
    try:
        yield
    finally:
        if connection.is_usable():
            _lock_timeout(_lock_milliseconds())


def _lock_timeout(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET_LOCK, [str(milliseconds)])


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
