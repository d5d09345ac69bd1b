"""The database as a search may use it: a time for each statement, and few slow searches of one organisation at once.

A search that is not done after QUICK_SECONDS needs one of its organisation's slots, which are advisory locks; when none
is free it stops with what it has. So whoever searches without end waits for themselves, not the others for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import OperationalError

from pulseops.core.locks import lock_number

QUICK_SECONDS = 0.15
_LEAST_SECONDS = 0.02
# JIT pays for queries of seconds, ours are to take milliseconds; parallel workers would give one reader all cores.
_LIMITS = "SET LOCAL jit = {}; SET LOCAL max_parallel_workers_per_gather = {}; SET LOCAL statement_timeout = {}"


class OutOfTimeError(Exception):
    """The statement took longer than it was given."""


class SearchSession:
    """The connection during one search; make it with `search_session`."""

    def __init__(self, org_id: UUID) -> None:
        self.org_id = org_id
        self.started = time.monotonic()
        self.is_busy = False  # the organisation's slots were taken when one was needed
        self.slot: int | None = None  # the number of the lock that is held

    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self.started

    def fetch(self, sql: str, params: Sequence[Any], *, seconds: float) -> list[tuple[Any, ...]]:
        """Run one query for about `seconds` at most; raises OutOfTimeError, after which the session goes on.

        Its limits go with it in one message: one way to the database and back, which PostgreSQL takes as one
        transaction, so the limits end with it, whatever becomes of it.
        """
        limits = _LIMITS.format("off", 0, round(max(seconds, _LEAST_SECONDS) * 1000))
        # On its own a query that is cancelled spoils nothing; inside a transaction it needs a savepoint.
        savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
        try:
            with savepoint, connection.cursor() as cursor:
                cursor.execute(f"{limits}; {sql}", params)
                while cursor.nextset():
                    pass  # what the settings answered
                return list(cursor.fetchall())
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise OutOfTimeError from error
            raise

    def may_go_on(self) -> bool:
        """Tell whether the search may take longer than a moment: True while quick, else when a slot is free."""
        if self.slot is not None or self.elapsed() < QUICK_SECONDS:
            return True
        for number in range(settings.LOG_SEARCH_SLOTS):
            lock = lock_number(f"logs.search:{self.org_id}:{number}")
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
                if cursor.fetchone()[0]:
                    self.slot = lock
                    return True
        self.is_busy = True
        return False


@contextmanager
def search_session(org_id: UUID) -> Iterator[SearchSession]:
    """Open a session for one search of the organisation; costs nothing by itself."""
    session = SearchSession(org_id)
    try:
        yield session
    finally:
        _leave(session)


def _leave(session: SearchSession) -> None:
    """Give the slot back; in a transaction of the caller's, take the limits from what follows in it."""
    statements = []
    if session.slot is not None:
        statements.append(f"SELECT pg_advisory_unlock({session.slot:d})")
    if connection.in_atomic_block:
        statements.append(_LIMITS.format(*["DEFAULT"] * 3))
    if statements and connection.is_usable():
        with connection.cursor() as cursor:
            cursor.execute("; ".join(statements))
