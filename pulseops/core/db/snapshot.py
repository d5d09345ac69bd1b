"""Several statements, one after the other, that see one state of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection, transaction


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Let all statements within see the database as the first of them does; in a transaction they see what that sees.

    It is a transaction, and an error in a statement ends it: whatever raises one goes on outside.
    """
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    with _repeatable_read(), transaction.atomic():
        yield


@contextmanager
def _repeatable_read() -> Iterator[None]:
    """Let the connection's next transaction begin so: no statement could say that once its role has been set."""
    raw = connection.connection
    before = raw.isolation_level
    raw.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    try:
        yield
    finally:
        if not raw.closed:
            raw.isolation_level = before
