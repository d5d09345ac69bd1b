"""What is counted and sampled of blocks for rules, incidents and comparisons; `logs.reading` adds what rows say."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from logs.search.conditions import Condition
from logs.search.sealed.newest import Found
from logs.search.sealed.reader import BlockQuery, BlockReader, Match, Span
from logs.search.sealed.rows import details_of
from logs.storage.blocks.arrays import np
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.table import microseconds_of

MICROSECOND = timedelta(microseconds=1)


class Edge(NamedTuple):
    """The time [start, end) of one environment; what is counted there is added to `key`."""

    key: tuple[int, bool]
    environment_id: UUID
    start: datetime
    end: datetime


def received(since: datetime, until: datetime) -> Span:
    """Return the logs that were received in (since, until]."""
    return Span(since + MICROSECOND, until + MICROSECOND, by="received")


def of_receipt(query: BlockQuery, since: datetime, until: datetime) -> BlockQuery:
    """Return the query of blocks that may have logs received in (since, until]."""
    return query.where(Condition("received_to > %s AND received_from <= %s", (since, until)))


def of_places(query: BlockQuery, service_id: UUID | None, environment_id: UUID | None) -> BlockQuery:
    """Return the query of one service or environment; None does not ask for any."""
    named = [("service_id", service_id), ("environment_id", environment_id)]
    return query.where(*(Condition(f"{column} = %s", (value,)) for column, value in named if value is not None))


def by_environment(matches: Iterable[Match]) -> Counter[UUID]:
    """Count matches by environment."""
    counts: Counter[UUID] = Counter()
    for match in matches:
        counts[match.head.environment_id] += len(match.places)  # type: ignore[index]  # sealed logs have one
    return counts


def by_window(matches: Iterable[Match], starts: Sequence[datetime]) -> Mapping[tuple[UUID, str], list[int]]:
    """Count matches by environment and level, those that were received after each of `starts`."""
    counts: dict[tuple[UUID, str], list[int]] = defaultdict(lambda: [0] * len(starts))
    for match in matches:
        times, levels = match.block.received[match.places], match.block.levels[match.places]
        for level in np.unique(levels).tolist():
            mine = times[levels == level]
            sums = counts[match.head.environment_id, LEVELS[level]]  # type: ignore[index]
            for number, start in enumerate(starts):
                sums[number] += int((mine > microseconds_of(start)).sum())
    return counts


def by_step(matches: Iterable[Match], start: datetime, step: timedelta) -> Counter[tuple[UUID, int]]:
    """Count matches by environment and the step in which they were received, of which number 0 ends at `start`."""
    counts: Counter[tuple[UUID, int]] = Counter()
    for match in matches:
        steps = -((microseconds_of(start) - match.block.received[match.places]) // (step // MICROSECOND))
        for number, count in zip(*np.unique(steps, return_counts=True), strict=True):
            counts[match.head.environment_id, int(number)] += int(count)  # type: ignore[index]
    return counts


def in_edges(matches: Iterable[Match], edges: Sequence[Edge]) -> Counter[tuple[int, bool]]:
    """Count matches by the keys of the edges that they lie in."""
    by_place: dict[UUID | None, list[Edge]] = defaultdict(list)
    for edge in edges:
        by_place[edge.environment_id].append(edge)
    counts: Counter[tuple[int, bool]] = Counter()
    for match in matches:
        times = match.block.ts[match.places]
        for edge in by_place[match.head.environment_id]:
            start, end = np.searchsorted(times, [microseconds_of(edge.start), microseconds_of(edge.end)])
            counts[edge.key] += int(end - start)
    return counts


def touching(edges: Sequence[Edge]) -> Condition:
    """Return the condition of blocks that reach into any of the edges."""
    sql = " OR ".join(["environment_id = %s AND end_ts >= %s AND start_ts < %s"] * len(edges))
    return Condition(sql or "FALSE", tuple(value for edge in edges for value in edge[1:]))


def last_received(
    reader: BlockReader, matches: Iterable[Match], limit: int
) -> list[tuple[datetime, int, datetime, str, str]]:
    """Return (receipt, id, time, level, beginning of the message) of the matches that were last received."""
    found = heapq.nlargest(limit, _with_receipt(matches), key=lambda each: each[:2])
    details = details_of(reader, [each for *_, each in found])
    return [(each.received_at, each.row.id, each.row.ts, each.row.level, each.message[:1_001]) for each in details]


def _with_receipt(matches: Iterable[Match]) -> Iterator[tuple[int, int, Found]]:
    for match in matches:
        for place in match.places.tolist():
            ts, id_ = int(match.block.ts[place]), int(match.block.ids[place])
            yield int(match.block.received[place]), id_, Found(ts, id_, match, place)


def nearest_messages(
    reader: BlockReader, matches: Iterable[Match], pivot: datetime, length: int, most: int
) -> list[tuple[str, datetime]]:
    """Return (beginning of the message, time) of at most `most` matches on each side of a moment, the nearest."""
    at, before, after = microseconds_of(pivot), list[tuple[int, int, Found]](), list[tuple[int, int, Found]]()
    for match in matches:
        for place in match.places.tolist():
            ts, id_ = int(match.block.ts[place]), int(match.block.ids[place])
            (before if ts < at else after).append((abs(ts - at), id_, Found(ts, id_, match, place)))
        before = heapq.nsmallest(most, before, key=lambda each: each[:2])
        after = heapq.nsmallest(most, after, key=lambda each: each[:2])
    details = details_of(reader, [found for *_, found in (*before, *after)])
    return [(each.message[:length], each.row.ts) for each in details]
