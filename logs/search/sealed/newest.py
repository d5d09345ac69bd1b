"""The newest matches of sealed logs, or the oldest: the first so many of all blocks, by columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from logs.cursor import LogCursor
from logs.search.sealed.reader import BlockQuery, BlockReader, Match, Span
from logs.storage.blocks.arrays import Ints, np
from logs.storage.blocks.table import Head, microseconds_of


class Found(NamedTuple):
    """One log that matches, by its place in a block."""

    ts: int  # µs since 1970
    id: int
    match: Match
    place: int


class Ordered(NamedTuple):
    """Logs that match, in the order of a list, column by column; `numbers` say in which of `matches` each is."""

    ts: Ints
    ids: Ints
    numbers: Ints
    places: Ints
    matches: Sequence[Match]

    def found(self) -> list[Found]:
        """Return them one by one."""
        ts, ids, numbers, places = (column.tolist() for column in self[:4])
        return list(map(Found, ts, ids, map(self.matches.__getitem__, numbers), places))


def newest(
    reader: BlockReader, query: BlockQuery, span: Span, heads: Iterable[Head], limit: int,
    admits: Callable[[Match], Match | None] = lambda match: match, *, is_oldest_first: bool = False,
) -> Ordered:  # fmt: skip
    """Return the newest `limit` matches by (ts, id), newest first, or the oldest ones first.

    `heads` come in the same order, so that the first that cannot have a better one ends the search; `admits` takes some
    of a block's matches away.
    """
    best = _Best(limit, is_oldest_first)

    def worth_opening() -> Iterator[Head]:
        for head in heads:
            if best.is_beyond(head):
                return
            yield head

    for match in map(admits, reader.matches(query, span, worth_opening())):
        if match is not None:
            best.add(match)
    return best.ordered()


class _Best:
    """The first `limit` of all matches that are added, in the order of a list: newest first, or oldest first."""

    def __init__(self, limit: int, is_oldest_first: bool) -> None:
        self._limit, self._is_oldest_first = limit, is_oldest_first
        self._matches: list[Match] = []
        self._parts: list[tuple[Ints, Ints, Ints, Ints]] = []  # times, ids, the match by its number, places
        self._count, self._last = 0, 0  # how many there are, and the time of the last of them when there are enough
        self._is_cut = True

    def add(self, match: Match) -> None:
        """Add those of a block."""
        places = match.places[: self._limit] if self._is_oldest_first else match.places[-self._limit :]
        number = np.full(len(places), len(self._matches))
        self._matches.append(match)
        self._parts.append((match.block.ts[places], match.block.ids[places], number, places))
        self._count += len(places)
        self._is_cut = False

    def is_beyond(self, head: Head) -> bool:
        """Return whether no log of a block can be among the first."""
        if self._count < self._limit:
            return False
        self._cut()
        if self._is_oldest_first:
            return microseconds_of(head.start_ts) > self._last
        return microseconds_of(head.end_ts) < self._last

    def ordered(self) -> Ordered:
        """Return them in order."""
        ts, ids, numbers, places = self._joined()
        order = np.lexsort((ids, ts)) if self._is_oldest_first else np.lexsort((~ids, ~ts))
        order = order[: self._limit]
        return Ordered(ts[order], ids[order], numbers[order], places[order], self._matches)

    def _cut(self) -> None:
        """Take away what comes behind the last of the first; nothing has to be sorted for that."""
        if self._is_cut:
            return
        ts, *others = self._joined()
        rank = self._limit - 1 if self._is_oldest_first else len(ts) - self._limit
        self._last = int(np.partition(ts, rank)[rank])
        is_first = ts <= self._last if self._is_oldest_first else ts >= self._last
        self._parts = [(ts[is_first], *(column[is_first] for column in others))]  # type: ignore[list-item]
        self._count, self._is_cut = int(is_first.sum()), True

    def _joined(self) -> tuple[Ints, Ints, Ints, Ints]:
        if not self._parts:
            empty = np.zeros(0, np.int64)
            return empty, empty, empty, empty
        ts, ids, numbers, places = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        return ts, ids, numbers, places


def behind(match: Match, before: LogCursor | None, after: LogCursor | None) -> Match | None:
    """Return the matches that follow `before` in a list that is newest first, or stand above `after`; None for none."""
    ts, ids = match.block.ts[match.places], match.block.ids[match.places]
    wanted = np.ones(len(ts), bool)
    if before is not None:
        at = microseconds_of(before.ts)
        wanted &= (ts < at) | ((ts == at) & (ids < before.id))
    if after is not None:
        at = microseconds_of(after.ts)
        wanted &= (ts > at) | ((ts == at) & (ids > after.id))
    places = match.places[wanted]
    return replace(match, places=places) if len(places) else None
