"""PostgreSQL advisory locks by name."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def lock_number(name: str) -> int:
    """Return the signed 64-bit number that stands for `name` in PostgreSQL's advisory locks."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


_LOOK_AGAIN_SECONDS = 0.25


@contextmanager
def session_lock(name: str, *, wait_seconds: float = 0) -> Iterator[bool]:
    """Hold the advisory lock `name` on this connection; gives False when another session holds it all the while.

    It looks again and again rather than wait in the server, where a statement that waits has a snapshot, which CREATE
    INDEX CONCURRENTLY would wait for in turn. The server drops the lock with the connection, so a killed process leaves
    nothing locked.
    """
    number = lock_number(name)
    until = time.monotonic() + wait_seconds
    while not (held := _try(number)) and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN_SECONDS)
    try:
        yield held
    finally:
        if held and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def _try(number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def transaction_lock(name: str) -> None:
    """Wait for the advisory lock `name` and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(name)])
