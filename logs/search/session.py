"""The database as a search may use it: a time for each statement, and few slow searches of one organisation at once.

A search that is not done after QUICK_SECONDS needs one of its organisation's slots; when none is free it stops with
what it has. So anyone who searches without end waits for themselves, not the others for them. One that `may_be_slow`
takes its slot before it begins, for a statement that runs cannot be asked whether it is quick; without a slot its
statements have that moment together, and hardly any time where the organisation is heavy (see `slots`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from logs.search.sealed.reader import LISTED, BlockReader
from logs.search.slots import SearchBusyError, SearchSlot, is_heavy, search_meter, searches_much, take_slot
from logs.storage.blocks.table import BlockRange, Head
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_together, fetch_within

QUICK_SECONDS = 0.15
_HEAVY_QUICK_SECONDS = 0.02
_LEAST_SECONDS = 0.01
Result = TypeVar("Result")


class SearchSession:
    """The connection during one search; make it with `search_session`."""

    def __init__(self, org_id: UUID) -> None:
        self.org_id = org_id
        self.started = time.monotonic()
        self._was_refused = False
        self.slot: SearchSlot | None = None
        self.quick_seconds: float | None = None  # that all statements have together, for want of a slot; None: no limit
        self.damage: set[int] = set()  # blocks of sealed logs that could not be read and were left out

    @property
    def is_busy(self) -> bool:
        """Whether the organisation's slots were taken when one was needed."""
        is_short = self.slot is None and self.quick_seconds is not None and self.elapsed() >= self.quick_seconds
        return self._was_refused or is_short

    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self.started

    def fetch(self, sql: str, params: Sequence[Any], *, seconds: float) -> list[tuple[Any, ...]]:
        """Run one query for about `seconds` at most; raises BoundedQueryError, after which the session goes on."""
        return fetch_within(self._at_most(seconds), sql, params)

    def fetch_with_blocks(
        self,
        statement: tuple[str, Sequence[Any]],
        ranges: Sequence[BlockRange],
        *,
        seconds: float,
        listed: int = LISTED,
    ) -> tuple[list[Any], list[list[Head]]]:
        """Run a query of rows and list the newest `listed` heads of each of `ranges`, in one state of the database: a
        log that is just being sealed is either among the rows or in a block. Raises BoundedQueryError."""
        listings = [range_.heads(limit=listed) for range_ in ranges]
        rows, *heads = fetch_together(self._at_most(seconds), [statement, *listings])
        return rows, [[Head(*head) for head in some] for some in heads]

    def _at_most(self, seconds: float) -> float:
        if self.quick_seconds is None:
            return seconds
        return min(seconds, max(self.quick_seconds - self.elapsed(), _LEAST_SECONDS))

    def reader(self, seconds: float) -> BlockReader:
        """Return what opens blocks, for so many seconds."""
        return BlockReader(self.org_id, self._at_most(seconds), self.damage)

    def begin(self) -> None:
        """Take a slot now; where none is free, only a moment is left."""
        try:
            self.take_slot()
        except SearchBusyError:
            self.quick_seconds = _HEAVY_QUICK_SECONDS if is_heavy(self.org_id) else QUICK_SECONDS

    def may_go_on(self) -> bool:
        """Return whether the search may take longer than a moment: True while quick, else when a slot is free."""
        if self.slot is not None or self.elapsed() < (self.quick_seconds or QUICK_SECONDS):
            return True
        try:
            self.take_slot(is_slow=True)
        except SearchBusyError:
            self._was_refused = True
            return False
        self.quick_seconds = None
        return True

    def take_slot(self, *, is_slow: bool = False) -> None:
        """Take one of the organisation's slots, for what is not quick; raises SearchBusyError when none is free."""
        self.slot = take_slot(self.org_id, is_slow=is_slow)


def patiently(org_id: UUID, work: Callable[[float], Result], seconds: float) -> Result:
    """Return `work(QUICK_SECONDS)`, or where that is too short `work(seconds)` with one of the organisation's slots.

    One that searches much is not given that moment, in which its work has the priority of all others', each time anew.
    Raises SearchBusyError when none is free, and what `work` raises: QueryTimeoutError says that time was up.
    """
    if not searches_much(org_id):
        with suppress(QueryTimeoutError):
            return work(QUICK_SECONDS)
    with search_session(org_id) as session:
        session.take_slot(is_slow=True)
        return work(seconds)


@contextmanager
def search_session(org_id: UUID, *, may_be_slow: bool = False) -> Iterator[SearchSession]:
    """Open a session for one search of the organisation; costs nothing unless the search needs a slot."""
    session = SearchSession(org_id)
    try:
        if may_be_slow:
            session.begin()
        yield session
    finally:
        if may_be_slow or session.slot is not None:
            search_meter.add(org_id, session.elapsed())
        if session.slot is not None and connection.is_usable():
            session.slot.release()
