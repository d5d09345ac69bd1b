"""What pages show of logs: bars, lines around a moment, errors beside deployments, the newest of a service."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from logs.models import Level, LogEntry
from logs.reading.rules import LogScope, Query
from logs.search.sealed import counts as sealed
from logs.search.sealed.beside import RowsAndMatches, read_both
from logs.search.sealed.newest import newest
from logs.search.sealed.reader import BlockQuery, BlockReader, Span
from logs.search.sealed.rows import counted, details_of
from logs.search.tree import Everything
from logs.storage.blocks.table import microseconds_of
from pulseops.core.db.snapshot import one_snapshot
from services.models import Service
from services.scopes import Scopes

_EPOCH, _MINUTE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=1)
_AROUND_SECONDS, _SEALED_SECONDS = 10.0, 2.0
_SCOPE = "org_id = %s AND service_id = %s AND environment_id = %s AND ts >= %s AND ts < %s"

_BARS = f"""
SELECT date_bin(%s, ts, %s), count(*) FROM logs WHERE {_SCOPE} AND {{matching}} GROUP BY 1
"""  # noqa: S608 - made of the constant above

_LINES = f"""
SELECT (SELECT count(*) FROM (SELECT 1 FROM logs WHERE {_SCOPE} LIMIT %s) AS before),
       (SELECT count(*) FROM (SELECT 1 FROM logs WHERE {_SCOPE} LIMIT %s) AS after)
"""  # noqa: S608


# Both sides are read away from the moment: backward before it, forward after it.
_MESSAGES = f"""
(SELECT left(message, %s), ts FROM logs WHERE {_SCOPE} AND level = 'error' ORDER BY ts DESC LIMIT %s)
UNION ALL
(SELECT left(message, %s), ts FROM logs WHERE {_SCOPE} AND level = 'error' ORDER BY ts LIMIT %s)
"""  # noqa: S608


class Sides(NamedTuple):
    """The time [start, pivot) and the time [pivot, end)."""

    start: datetime
    pivot: datetime
    end: datetime


def count_bars(
    scope: LogScope, query: Query, until: datetime, *, width: timedelta, origin: datetime, seconds: float
) -> dict[datetime, int]:
    """Count what matches in [query.since, until): beginning of the bar → logs, no empty bars. A bar begins at `origin`.

    Raises BoundedQueryError.
    """
    condition = query.matching.condition(query.scopes)
    values = [width, origin, *scope.values, query.since, until, *condition.params]
    blocks = sealed.of_places(query.blocks, scope.service_id, scope.environment_id)

    def count(both: RowsAndMatches) -> dict[datetime, int]:
        bars = Counter(dict(both.rows))
        for start, _, _, logs in counted(both.matches, origin, width):
            bars[start] += logs
        return bars

    span = Span(query.since, until)
    return read_both((_BARS.format(matching=condition.sql), values), blocks, span, count, seconds=seconds)


def count_on_sides(scope: LogScope, sides: Sides, *, most: int, seconds: float) -> tuple[int, int]:
    """Count the logs of both sides, at most `most` each. Raises BoundedQueryError."""
    before = [*scope.values, sides.start, sides.pivot, most]
    after = [*scope.values, sides.pivot, sides.end, most]
    blocks, span, pivot = scope.blocks, Span(sides.start, sides.end), microseconds_of(sides.pivot)

    def count(both: RowsAndMatches) -> tuple[int, int]:
        in_before, in_after = both.rows[0]
        for match in both.matches:
            earlier = int((match.block.ts[match.places] < pivot).sum())
            in_before, in_after = in_before + earlier, in_after + len(match.places) - earlier
            if min(in_before, in_after) >= most:
                break
        return min(in_before, most), min(in_after, most)

    return read_both((_LINES, before + after), blocks, span, count, seconds=seconds)


def error_messages(
    scope: LogScope, sides: Sides, *, length: int, most: int, seconds: float
) -> list[tuple[str, datetime]]:
    """Return (beginning of the message, time) of at most `most` errors on each side, those nearest to the pivot.

    Raises BoundedQueryError.
    """
    before = [length, *scope.values, sides.start, sides.pivot, most]
    after = [length, *scope.values, sides.pivot, sides.end, most]
    blocks, span = replace(scope.blocks, levels=(Level.ERROR,)), Span(sides.start, sides.end)

    def nearest(both: RowsAndMatches) -> list[tuple[str, datetime]]:
        lines = both.rows + sealed.nearest_messages(both.reader, both.matches, sides.pivot, length, most)
        lines.sort(key=lambda line: abs(line[1] - sides.pivot))
        return [
            line
            for is_before in (True, False)
            for line in [each for each in lines if (each[1] < sides.pivot) == is_before][:most]
        ]

    return read_both((_MESSAGES, before + after), blocks, span, nearest, seconds=seconds)


# The time around each moment, exactly: whole minutes from their counts, and from the logs only the three minutes that
# the ends and the moment itself cut in two. So it hardly takes longer in a flood of errors.
_AROUND = """
WITH asked AS (
    SELECT id, service_id, environment_id, at, at - %(within)s AS since, at + %(within)s AS until
    FROM unnest(%(ids)s::bigint[], %(services)s::uuid[], %(environments)s::uuid[], %(at)s::timestamptz[])
        AS given (id, service_id, environment_id, at)
)
SELECT asked.id, whole.before + cut.before, whole.after + cut.after
FROM asked
CROSS JOIN LATERAL (
    SELECT coalesce(sum(count) FILTER (WHERE minute < asked.at), 0)::bigint AS before,
        coalesce(sum(count) FILTER (WHERE minute > asked.at), 0)::bigint AS after
    FROM log_counts
    WHERE org_id = %(org)s AND service_id = asked.service_id AND environment_id = asked.environment_id
        AND level = 'error' AND minute > asked.since AND minute < date_trunc('minute', asked.until)
        AND minute <> date_trunc('minute', asked.at)
) AS whole
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE ts < asked.at) AS before, count(*) FILTER (WHERE ts >= asked.at) AS after
    FROM (VALUES (asked.since, date_trunc('minute', asked.since) + interval '1 minute'),
        (date_trunc('minute', asked.at), date_trunc('minute', asked.at) + interval '1 minute'),
        (date_trunc('minute', asked.until), asked.until)) AS edge (start, ending)
    CROSS JOIN LATERAL (
        SELECT ts FROM logs
        WHERE org_id = %(org)s AND service_id = asked.service_id AND environment_id = asked.environment_id
            AND level = 'error' AND ts >= edge.start AND ts < edge.ending
    ) AS found
) AS cut
"""


# All bars of all services from the counts by minute, by their primary key: the logs themselves are not read.
_VOLUME = """
    SELECT date_bin(%(step)s, minute, %(since)s), service_id, level, sum(count)
    FROM log_counts
    WHERE org_id = %(org)s AND minute >= %(since)s AND minute < %(until)s
        AND (%(service)s::uuid IS NULL OR service_id = %(service)s)
    GROUP BY 1, 2, 3
"""


class Moment(NamedTuple):
    """A moment in one environment, under a number of the caller's."""

    id: int
    service_id: UUID
    environment_id: UUID
    at: datetime


def errors_around(org_id: UUID, moments: Sequence[Moment], within: timedelta) -> Mapping[int, tuple[int, int]]:
    """Return id → errors in the time `within` before the moment, and in that after it; one statement for all."""
    values: dict[str, Any] = {"org": org_id, "within": within}
    for name, column in (("ids", "id"), ("services", "service_id"), ("environments", "environment_id"), ("at", "at")):
        values[name] = [getattr(each, column) for each in moments]
    edges = [edge for moment in moments for edge in _edges(moment, within)]
    blocks = BlockQuery.of_node(org_id, Scopes(()), Everything(), level=Level.ERROR).where(sealed.touching(edges))
    span = Span(min((edge.start for edge in edges), default=_EPOCH), max((edge.end for edge in edges), default=_EPOCH))

    def count(both: RowsAndMatches) -> Mapping[int, tuple[int, int]]:
        more = sealed.in_edges(both.matches, edges)
        return {id_: (before + more[id_, True], after + more[id_, False]) for id_, before, after in both.rows}

    # From the roll-up and a few minutes: it needs no bound that anybody would notice.
    return read_both((_AROUND, values), blocks, span, count, seconds=_AROUND_SECONDS)


def _edges(moment: Moment, within: timedelta) -> Iterator[sealed.Edge]:
    """Yield the minutes that the ends and the moment cut in two, as _AROUND has them."""
    since, until = moment.at - within, moment.at + within
    cut = (
        (since, _minute(since) + _MINUTE), (_minute(moment.at), _minute(moment.at) + _MINUTE), (_minute(until), until),
    )  # fmt: skip
    for start, end in cut:
        if start < moment.at:
            yield sealed.Edge((moment.id, True), moment.environment_id, start, min(end, moment.at))
        if end > moment.at:
            yield sealed.Edge((moment.id, False), moment.environment_id, max(start, moment.at), end)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def volume(
    org_id: UUID, since: datetime, until: datetime, step: timedelta, service_id: UUID | None = None
) -> list[tuple[datetime, UUID, str, int]]:
    """Count the logs in [since, until), of one service if it is named: (beginning of the bar, service, level, logs).

    No empty bars; one query.
    """
    values: dict[str, Any] = {"step": step, "org": org_id, "since": since, "until": until, "service": service_id}
    with connection.cursor() as cursor:
        cursor.execute(_VOLUME, values)
        return [(start, service_id, level, int(count)) for start, service_id, level, count in cursor.fetchall()]


def newest_of_service(service: Service, *, since: datetime, limit: int) -> Sequence[tuple[Any, ...]]:
    """Return the newest logs of a service from `since` on, `limit` at most, each as what ingest stores of a log:
    level, time, message, JSON, trace and request, all as text."""
    rows = LogEntry.objects.for_org(service.org).filter(service=service, ts__gte=since).order_by("-ts", "-id")
    values = rows.values_list("level", "ts", "message", "meta_json", "trace_id", "request_id")[:limit]
    with one_snapshot():
        newest_rows = list(values)
        newest_rows += _newest_sealed(service, since, limit - len(newest_rows))
    return [
        (level, f"{ts:%Y-%m-%dT%H:%M:%S}", message, json.dumps(meta) if meta is not None else None, trace, request)
        for level, ts, message, meta, trace, request in newest_rows
    ]


def _newest_sealed(service: Service, since: datetime, limit: int) -> list[tuple[Any, ...]]:
    """Return the same of what is sealed; rows are newer but for late ones."""
    if limit <= 0:
        return []
    query, end = sealed.of_places(BlockQuery(service.org_id), service.pk, None), timezone.now() + timedelta(days=1)

    reader = BlockReader(service.org_id, _SEALED_SECONDS)
    found = newest(reader, query, Span(since, end), reader.heads(query.range(since, end)), limit)
    return [
        (
            each.row.level,
            each.row.ts,
            each.message,
            each.meta and json.loads(each.meta),
            each.trace_id,
            each.request_id,
        )
        for each in details_of(reader, found.found())
    ]
