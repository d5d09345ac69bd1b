"""PostgreSQL advisory locks by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def lock_number(name: str) -> int:
    """Return the signed 64-bit number that stands for `name` in PostgreSQL's advisory locks."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


@contextmanager
def session_lock(name: str) -> Iterator[bool]:
    """Hold the advisory lock `name` on this connection; gives False at once when another session holds it.

    The server drops it with the connection, so a killed process leaves nothing locked.
    """
    number = lock_number(name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def transaction_lock(name: str) -> None:
    """Wait for the advisory lock `name` and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(name)])
