"""The database as a search may use it: a time for each statement, and few slow searches of one organisation at once.

A search that is not done after QUICK_SECONDS needs one of its organisation's slots, which are advisory locks; when none
is free it stops with what it has. So anyone who searches without end waits for themselves, not the others for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection

from logs.search.sealed.reader import LISTED, BlockReader
from logs.storage.blocks.table import BlockRange, Head
from pulseops.core.db.advisory_locks import lock_number
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_together, fetch_within

QUICK_SECONDS = 0.15
Result = TypeVar("Result")


class SearchBusyError(Exception):
    """The organisation runs as many slow searches as it may at the same time."""


class SearchSession:
    """The connection during one search; make it with `search_session`."""

    def __init__(self, org_id: UUID) -> None:
        self.org_id = org_id
        self.started = time.monotonic()
        self.is_busy = False  # the organisation's slots were taken when one was needed
        self.slot: int | None = None  # the number of the lock that is held
        self.damage: set[int] = set()  # blocks of sealed logs that could not be read and were left out

    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self.started

    def fetch(self, sql: str, params: Sequence[Any], *, seconds: float) -> list[tuple[Any, ...]]:
        """Run one query for about `seconds` at most; raises BoundedQueryError, after which the session goes on."""
        return fetch_within(seconds, sql, params)

    def fetch_with_blocks(
        self, statement: tuple[str, Sequence[Any]], ranges: Sequence[BlockRange], *, seconds: float
    ) -> tuple[list[Any], list[list[Head]]]:
        """Run a query of rows and list the newest heads of each of `ranges`, in one state of the database: a log that
        is just being sealed is either among the rows or in a block. Raises BoundedQueryError."""
        listings = [range_.heads(limit=LISTED) for range_ in ranges]
        rows, *heads = fetch_together(seconds, [statement, *listings])
        return rows, [[Head(*head) for head in listed] for listed in heads]

    def reader(self, seconds: float) -> BlockReader:
        """Return what opens blocks, for so many seconds."""
        return BlockReader(self.org_id, seconds, self.damage)

    def may_go_on(self) -> bool:
        """Return whether the search may take longer than a moment: True while quick, else when a slot is free."""
        if self.slot is not None or self.elapsed() < QUICK_SECONDS:
            return True
        try:
            self.take_slot()
        except SearchBusyError:
            self.is_busy = True
            return False
        return True

    def take_slot(self) -> None:
        """Take one of the organisation's slots, for what is not quick; raises SearchBusyError when none is free."""
        for number in range(settings.LOG_SEARCH_SLOTS):
            lock = lock_number(f"logs.search:{self.org_id}:{number}")
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
                if cursor.fetchone()[0]:
                    self.slot = lock
                    return
        raise SearchBusyError


def patiently(org_id: UUID, work: Callable[[float], Result], seconds: float) -> Result:
    """Return `work(QUICK_SECONDS)`, or where that is too short `work(seconds)` with one of the organisation's slots.

    Raises SearchBusyError when none is free, and what `work` raises: QueryTimeoutError says that time was up.
    """
    try:
        return work(QUICK_SECONDS)
    except QueryTimeoutError:
        with search_session(org_id) as session:
            session.take_slot()
            return work(seconds)


@contextmanager
def search_session(org_id: UUID) -> Iterator[SearchSession]:
    """Open a session for one search of the organisation; costs nothing unless the search needs a slot."""
    session = SearchSession(org_id)
    try:
        yield session
    finally:
        if session.slot is not None and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [session.slot])
