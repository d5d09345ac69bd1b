"""What pages read of blocks: the newest of a slice, one log, its neighbours, counts. Rows are read beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import chain, takewhile
from typing import TypeVar
from uuid import UUID

from logs.cursor import LogCursor
from logs.search.conditions import one_of
from logs.search.plans import RowRange
from logs.search.rows import LogDetail, LogRow
from logs.search.sealed.newest import Ordered, behind, newest
from logs.search.sealed.reader import LISTED, BlockQuery, BlockReader, Match, Span
from logs.search.sealed.rows import Counted, counted, details_of
from logs.search.slices import Window
from logs.storage.blocks.table import Head, Place, moment_of

_MICROSECOND = timedelta(microseconds=1)
Shown = TypeVar("Shown")


def newest_rows(
    reader: BlockReader, query: BlockQuery, span: RowRange, heads: Sequence[Head], rows: Sequence[LogRow], limit: int
) -> list[LogRow]:
    """Return what of the newest `limit` matches of `span` is sealed, given the rows among them and the first heads.

    Raises QueryTimeoutError, and BlocksMovedError.
    """
    oldest = rows[-1].ts if len(rows) >= limit else None

    def show(ordered: Ordered) -> list[LogRow]:
        return [detail.row for detail in details_of(reader, ordered.found())]

    if query.is_empty or not heads:
        return []
    return newest_shown(reader, query, span, heads, oldest, limit, show)


def newest_shown(
    reader: BlockReader, query: BlockQuery, span: RowRange, heads: Sequence[Head], oldest: datetime | None, limit: int,
    show: Callable[[Ordered], Shown], *, listed: int = LISTED,
) -> Shown:  # fmt: skip
    """Return `show` of the newest matches in blocks (see `newest`), down to the oldest row of a list that is full.

    Raises QueryTimeoutError, and BlocksMovedError.
    """

    def admits(match: Match) -> Match | None:
        return behind(match, span.before, span.after)

    while True:
        following = reader.following(query.range(span.start, span.end), heads, listed)
        worth = takewhile(lambda head: oldest is None or head.end_ts >= oldest, chain(heads, following))
        known = len(reader.damage)
        shown = show(newest(reader, query, Span(span.start, span.end), worth, limit, admits))
        if len(reader.damage) == known:
            return shown
        # Older ones have the places of those that could not be shown: once more, without that block.


def count_matches(
    reader: BlockReader, query: BlockQuery, start: datetime, end: datetime, heads: Sequence[Head],
    origin: datetime, step: timedelta, *, listed: int,
) -> Counted:  # fmt: skip
    """Count the matches of [start, end) by bar, environment and level, given the first `listed` heads.

    Raises QueryTimeoutError, and BlocksMovedError.
    """
    if query.is_empty or not heads:
        return []
    blocks = chain(heads, reader.following(query.range(start, end), heads, listed))
    return counted(reader.matches(query.of_bars(), Span(start, end), blocks), origin, step)


def count_up_to(reader: BlockReader, query: BlockQuery, window: Window, heads: Sequence[Head], most: int) -> int:
    """Count the matches of a window until there are `most`. Raises QueryTimeoutError, and BlocksMovedError."""
    if query.is_empty or not heads or most <= 0:
        return 0
    found = 0
    listed = chain(heads, reader.following(query.range(window.start, window.end), heads))
    for match in reader.matches(query, Span(window.start, window.end), listed):
        found += len(match.places)
        if found >= most:
            break
    return found


def log_at(reader: BlockReader, address: LogCursor) -> LogDetail | None:
    """Return the log at an address, or None. Raises QueryTimeoutError, and BlocksMovedError."""
    query, until = BlockQuery(reader.org_id), address.ts + _MICROSECOND

    def admits(match: Match) -> Match | None:
        return behind(match, LogCursor(address.ts, address.id + 1), LogCursor(address.ts, address.id - 1))

    heads = reader.heads(query.range(address.ts, until))
    found = newest(reader, query, Span(address.ts, until), heads, 1, admits).found()
    return next(details_of(reader, found), None)


def beside(
    reader: BlockReader, place: Place, address: LogCursor, window: Window, count: int, *, is_later: bool
) -> list[LogRow]:
    """Return the `count` logs of a place that follow an address, or that come before it, the nearest first.

    Raises QueryTimeoutError, and BlocksMovedError.
    """
    query = BlockQuery(reader.org_id).where(place.condition)

    def admits(match: Match) -> Match | None:
        return behind(match, None, address) if is_later else behind(match, address, None)

    heads = reader.heads(query.range(window.start, window.end), is_oldest_first=is_later)
    found = newest(reader, query, Span(window.start, window.end), heads, count, admits, is_oldest_first=is_later)
    return [detail.row for detail in details_of(reader, found.found())]


def last_before(reader: BlockReader, before: datetime, environments: Sequence[UUID] | None) -> list[datetime]:
    """Return the time of the newest sealed log before a moment, of one of the environments unless that is None.

    Empty where there is none. Raises QueryTimeoutError, and BlocksMovedError.
    """
    query = BlockQuery(reader.org_id)
    if environments is not None:
        query = query.where(one_of("environment_id", environments, "uuid"))
    earliest = moment_of(0) - timedelta(days=36_500)
    found = newest(reader, query, Span(earliest, before), reader.heads(query.range(None, before)), 1)
    return [moment_of(ts) for ts in found.ts.tolist()]
