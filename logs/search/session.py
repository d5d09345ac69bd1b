"""The database as a search may use it: a time for each statement, and few slow searches of one organisation at once.

A search that is not done after QUICK_SECONDS needs one of its organisation's slots, which are advisory locks; when none
is free it stops with what it has. So whoever searches without end waits for themselves, not the others for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import OperationalError

from pulseops.core.locks import lock_number

QUICK_SECONDS = 0.15
_LEAST_SECONDS = 0.02


class OutOfTimeError(Exception):
    """The statement took longer than it was given."""


class SearchSession:
    """One transaction of one search; make it with `search_session`."""

    def __init__(self, org_id: UUID) -> None:
        self.org_id = org_id
        self.started = time.monotonic()
        self.is_busy = False  # the organisation's slots were taken when one was needed
        self._has_slot = False

    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self.started

    def fetch(self, sql: str, params: Sequence[Any], *, seconds: float) -> list[tuple[Any, ...]]:
        """Run one statement for at most `seconds`; raises OutOfTimeError, after which the session goes on."""
        limit = f"{max(seconds, _LEAST_SECONDS) * 1000:.0f}ms"
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
                cursor.execute(sql, params)
                return list(cursor.fetchall())
        except OperationalError as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise OutOfTimeError from error
            raise

    def may_go_on(self) -> bool:
        """Tell whether the search may take longer than a moment: True while quick, else when a slot is free."""
        if self._has_slot or self.elapsed() < QUICK_SECONDS:
            return True
        for slot in range(settings.LOG_SEARCH_SLOTS):
            with connection.cursor() as cursor:
                name = f"logs.search:{self.org_id}:{slot}"
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock_number(name)])
                if cursor.fetchone()[0]:
                    self._has_slot = True
                    return True
        self.is_busy = True
        return False


@contextmanager
def search_session(org_id: UUID) -> Iterator[SearchSession]:
    """Open a session for one search of the organisation.

    JIT pays for queries of seconds, ours are to take milliseconds; parallel workers would give one reader all cores.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0")
        yield SearchSession(org_id)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
