"""Refuse quickly while the database is away or its tables locked, so that waiting senders do not take every thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
from django.db import DatabaseError, Error, connection, transaction

from pulseops.core.db.answer_timeout import give_back_connection
from pulseops.core.db.worker_breaker import WorkerSilentError, breakers
from pulseops.core.web.json_errors import ApiError
from services.key_statements import LOCK_KEY_TABLES

RETRY_AFTER = 5  # seconds
# What storing a batch locks. A row that is locked, such as a key that is being deleted, does not hinder it.
_LOCK_TABLES = f"LOCK TABLE logs, log_counts IN ROW EXCLUSIVE MODE NOWAIT; {LOCK_KEY_TABLES}"


def unavailable() -> ApiError:
    """Make the 503 for a database that is away or busy."""
    return ApiError("UNAVAILABLE", "The database is away or busy. Send the batch again.", retry_after=RETRY_AFTER)


def stored_unknown() -> ApiError:
    """Make the 503 for a batch whose commit was not answered."""
    text = "The database went away while it stored the batch, which may have been stored. Send the batch again."
    return ApiError("UNAVAILABLE", text, retry_after=RETRY_AFTER, stored="unknown")


class CircuitBreaker:
    """Lets requests through to the database; while it is away only one at a time, which finds out when it is back."""

    def __init__(self) -> None:
        self._is_away = False
        self._is_locked = False
        self._probe = threading.Lock()

    def enter(self) -> None:
        """Take a connection for this request. Raises ApiError 503, or what connecting raises (after a bounded wait)."""
        if not self._is_away:
            self._connect()
            if self._is_away:  # as others found out while this one waited for a connection
                give_back_connection()
                raise unavailable()
        elif self._probe.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._probe.release()
        else:
            raise unavailable()

    def report(self, error: Exception) -> None:
        """Note what a request ran into: when a lock, whether it keeps everybody waiting or that batch alone."""
        if not self._is_away and isinstance(error.__cause__, psycopg.errors.LockNotAvailable) and _are_tables_locked():
            self._is_locked = self._is_away = True

    def _look(self) -> None:
        self._connect()
        if self._is_locked and _are_tables_locked():
            raise unavailable()
        self._is_locked = self._is_away = False

    def _connect(self) -> None:
        try:
            connection.ensure_connection()
        except Error:
            self._is_away = True
            raise


def _are_tables_locked() -> bool:
    """Return whether someone holds a lock that no batch gets past; does not wait for it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LOCK_TABLES)
    except DatabaseError as error:
        return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)
    return False


gate = CircuitBreaker()


@contextmanager
def room_to_store(org_id: UUID) -> Iterator[None]:
    """Let this thread store logs of an organisation. Raises what `gate.enter` does, or WorkerSilentError."""
    if breakers.is_silent(org_id):
        raise WorkerSilentError
    gate.enter()
    with breakers.room_for(org_id):
        yield
