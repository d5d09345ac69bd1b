"""What other apps read of the logs; nothing outside `logs` names its tables.

Times are UTC, and each query of rows has a bound in time. Rules count by the time at which a log was received, so a
late line never escapes them; pages count by the log's own time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from logs.models import Level, LogEntry
from logs.search.columns import all_of
from logs.search.compiler import Compiler
from logs.search.conditions import Condition, one_of
from logs.search.parser import parse
from logs.search.sealed import counts as sealed
from logs.search.sealed.beside import RowsAndMatches, read_both
from logs.search.sealed.reader import BlockQuery, BlockReader, Span, newest, retried
from logs.search.sealed.rows import counted, details_of
from logs.search.tree import Everything
from logs.storage.blocks.table import microseconds_of
from pulseops.core.db.statement_timeout import fetch_within
from services.models import Service
from services.scopes import Scopes


@dataclass(frozen=True, slots=True)
class LogScope:
    """Whose logs are read: those of one environment."""

    org_id: UUID
    service_id: UUID
    environment_id: UUID

    @property
    def values(self) -> list[Any]:
        """In the order of the statements' parameters."""
        return [self.org_id, self.service_id, self.environment_id]

    @property
    def blocks(self) -> BlockQuery:
        """All that is sealed of it."""
        return sealed.of_places(BlockQuery(self.org_id), self.service_id, self.environment_id)


@dataclass(frozen=True, slots=True)
class Matching:
    """Logs of `level` ("" is any) that match `query`, a valid search ("" is any)."""

    level: str = ""
    query: str = ""

    def condition(self, scopes: Scopes, *, is_plain: bool = True) -> Condition:
        """Return it as a condition on `logs`, of the organisation whose services are `scopes`; never empty.

        Of short times, which rules ask about, no index of texts is asked (`is_plain`): what is new has none yet.
        """
        level = Condition("level = %s", (self.level,)) if self.level else Condition()
        return all_of(Condition("TRUE"), level, Compiler(scopes, is_plain=is_plain).compile(parse(self.query)))


_EPOCH, _MINUTE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=1)
_AROUND_SECONDS, _SEALED_SECONDS = 10.0, 2.0

# -- By the time of receipt, for rules -------------------------------------------------------------------------------

# One scan of the longest window, every window counted in it: {windows} is a list of filtered counts. For errors it
# reads logs_error_received_idx and nothing else, for other levels the pages that logs_received_idx (BRIN) names.
_RECEIVED = """
SELECT environment_id, {level}, ARRAY[{windows}]
FROM logs
WHERE org_id = %(org)s AND created_at > %(longest)s AND created_at <= %(now)s{only}
GROUP BY 1, 2
"""
_RECEIVED_MATCHING = """
SELECT environment_id, count(*) FROM logs
WHERE org_id = %s AND created_at > %s AND created_at <= %s AND {matching}
GROUP BY environment_id
"""

# Which environments had logs: all of them from the counts by minute, and for a query the newest of each that matches.
_HEARD = """
SELECT DISTINCT environment_id FROM log_counts
WHERE org_id = %s AND minute > %s AND minute <= %s AND environment_id = ANY(%s)
"""
_HEARD_MATCHING = """
SELECT asked.environment_id
FROM unnest(%s::uuid[], %s::uuid[]) AS asked (service_id, environment_id)
CROSS JOIN LATERAL (
    SELECT 1 FROM logs
    WHERE org_id = %s AND service_id = asked.service_id AND environment_id = asked.environment_id
        AND ts > %s AND ts <= %s AND {matching}
    ORDER BY ts DESC LIMIT 1
) AS newest
"""

# How many came in each step: number n is (start + (n - 1) steps, start + n steps], as the live window is open below.
_STEPS = """
SELECT environment_id, ceil(extract(epoch FROM created_at - %s) / %s)::int, count(*) FROM logs
WHERE org_id = %s AND created_at > %s AND created_at <= %s
    AND (%s::uuid IS NULL OR service_id = %s) AND (%s::uuid IS NULL OR environment_id = %s) AND {matching}
GROUP BY 1, 2
"""
_SAMPLES = """
SELECT created_at, id, ts, level, left(message, 1001) FROM logs
WHERE org_id = %s AND service_id = %s AND environment_id = %s AND created_at > %s AND created_at <= %s AND {matching}
ORDER BY created_at DESC, id DESC LIMIT %s
"""
_FIRST = """
SELECT ts FROM logs
WHERE org_id = %s AND service_id = %s AND environment_id = %s AND created_at > %s AND created_at <= %s AND {matching}
ORDER BY created_at, id LIMIT 1
"""


class Received(NamedTuple):
    """How many logs of a level an environment's senders brought in each of the windows that were asked for."""

    environment_id: UUID
    level: str
    counts: list[int]


class Query(NamedTuple):
    """One organisation's logs to count, received after `since`; `scopes` are its services."""

    org_id: UUID
    scopes: Scopes
    since: datetime
    matching: Matching

    @property
    def blocks(self) -> BlockQuery:
        """The logs to count of what is sealed."""
        return BlockQuery.of_node(self.org_id, self.scopes, parse(self.matching.query), level=self.matching.level)


def count_received(
    org_id: UUID, windows: Sequence[timedelta], now: datetime, *, only_errors: bool, seconds: float
) -> list[Received]:
    """Count what one organisation sent in each of `windows` before `now`, by environment and level.

    Raises BoundedQueryError, such as when it takes longer than `seconds`.
    """
    starts = [now - window for window in windows]
    counts = ", ".join(f"count(*) FILTER (WHERE created_at > %(since{n})s)" for n in range(len(windows)))
    sql = _RECEIVED.format(
        level=f"'{Level.ERROR}'" if only_errors else "level",
        windows=counts,
        only=f" AND level = '{Level.ERROR}'" if only_errors else "",
    )
    values: dict[str, Any] = {f"since{n}": start for n, start in enumerate(starts)}
    values |= {"org": org_id, "longest": min(starts), "now": now}
    blocks = BlockQuery.of_node(org_id, Scopes(()), Everything(), level=Level.ERROR if only_errors else "")
    blocks = sealed.of_receipt(blocks, min(starts), now)

    def count(both: RowsAndMatches) -> list[Received]:
        sums = {(environment_id, level): counts for environment_id, level, counts in both.rows}
        for key, more in sealed.by_window(both.matches, starts).items():
            sums[key] = [sum(pair) for pair in zip(sums.get(key, [0] * len(more)), more, strict=True)]
        return [Received(*key, counts) for key, counts in sums.items()]

    return read_both((sql, values), blocks, sealed.received(min(starts), now), count, seconds=seconds)


def count_received_matching(query: Query, now: datetime, *, seconds: float) -> dict[UUID, int]:
    """Count for one query by environment. Raises BoundedQueryError."""
    condition = query.matching.condition(query.scopes)
    values = [query.org_id, query.since, now, *condition.params]
    blocks = sealed.of_receipt(query.blocks, query.since, now)

    def count(both: RowsAndMatches) -> dict[UUID, int]:
        return sealed.by_environment(both.matches) + Counter(dict(both.rows))

    statement = (_RECEIVED_MATCHING.format(matching=condition.sql), values)
    return read_both(statement, blocks, sealed.received(query.since, now), count, seconds=seconds)


def heard_from(query: Query, scopes: Sequence[LogScope], until: datetime, *, seconds: float) -> set[UUID]:
    """Return which of the environments `scopes` had a matching log in (query.since, until], by the logs' own time.

    Raises BoundedQueryError.
    """
    places = [each.environment_id for each in scopes]
    if query.matching == Matching():
        return {row[0] for row in fetch_within(seconds, _HEARD, [query.org_id, query.since, until, places])}
    condition = query.matching.condition(query.scopes)
    values = [[each.service_id for each in scopes], places, query.org_id, query.since, until, *condition.params]
    blocks = query.blocks.where(one_of("environment_id", places, "uuid"))
    span = Span(query.since + sealed.MICROSECOND, until + sealed.MICROSECOND)

    def heard(both: RowsAndMatches) -> set[UUID]:
        return {row[0] for row in both.rows} | set(sealed.by_environment(both.matches))

    return read_both((_HEARD_MATCHING.format(matching=condition.sql), values), blocks, span, heard, seconds=seconds)


def count_steps(
    query: Query,
    *,
    service_id: UUID | None,
    environment_id: UUID | None,
    start: datetime,
    end: datetime,
    step: timedelta,
    seconds: float,
) -> list[tuple[UUID, int, int]]:
    """Count what was received until `end`: (environment, number of the step from `start`, logs), no empty steps.

    Step 0 ends at `start`; those before it, from `query.since`, are negative. Raises BoundedQueryError.
    """
    condition = query.matching.condition(query.scopes, is_plain=False)
    values = [start, step.total_seconds(), query.org_id, query.since, end]
    values += [service_id, service_id, environment_id, environment_id, *condition.params]
    blocks = sealed.of_receipt(sealed.of_places(query.blocks, service_id, environment_id), query.since, end)

    def count(both: RowsAndMatches) -> list[tuple[UUID, int, int]]:
        counts = sealed.by_step(both.matches, start, step)
        for environment, number, logs in both.rows:
            counts[environment, number] += logs
        return [(*key, logs) for key, logs in counts.items()]

    statement = (_STEPS.format(matching=condition.sql), values)
    return read_both(statement, blocks, sealed.received(query.since, end), count, seconds=seconds)


def sample_lines(
    query: Query, scope: LogScope, until: datetime, *, limit: int, seconds: float
) -> list[tuple[int, datetime, str, str]]:
    """Return (id, time, level, beginning of the message) of what was last received. Raises BoundedQueryError."""
    condition = query.matching.condition(query.scopes)
    values = [*scope.values, query.since, until, *condition.params, limit]
    blocks = sealed.of_receipt(
        sealed.of_places(query.blocks, scope.service_id, scope.environment_id), query.since, until
    )

    def newest(both: RowsAndMatches) -> list[tuple[int, datetime, str, str]]:
        lines = [*both.rows, *sealed.last_received(both.reader, both.matches, limit)]
        return [line for _, *line in sorted(lines, key=lambda line: line[:2], reverse=True)[:limit]]

    statement = (_SAMPLES.format(matching=condition.sql), values)
    return read_both(statement, blocks, sealed.received(query.since, until), newest, seconds=seconds)


def first_time(query: Query, scope: LogScope, until: datetime, *, seconds: float) -> datetime | None:
    """Return the time of the log that was received first in (query.since, until]. Raises BoundedQueryError."""
    condition = query.matching.condition(query.scopes)
    rows = fetch_within(
        seconds, _FIRST.format(matching=condition.sql), [*scope.values, query.since, until, *condition.params]
    )
    return rows[0][0] if rows else None


# -- By the logs' own time, for pages --------------------------------------------------------------------------------

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


def volume(org_id: UUID, since: datetime, until: datetime, step: timedelta) -> list[tuple[datetime, UUID, str, int]]:
    """Count the logs in [since, until): (beginning of the bar, service, level, logs), no empty bars; one query."""
    values: dict[str, Any] = {"step": step, "org": org_id, "since": since, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(_VOLUME, values)
        return [(start, service_id, level, int(count)) for start, service_id, level, count in cursor.fetchall()]


def newest_of_service(service: Service, *, since: datetime, limit: int) -> Sequence[tuple[Any, ...]]:
    """Return the newest logs of a service from `since` on, `limit` at most, each as what ingest stores of a log:
    level, time, message, JSON, trace and request, all as text."""
    rows = LogEntry.objects.for_org(service.org).filter(service=service, ts__gte=since).order_by("-ts", "-id")
    values = rows.values_list("level", "ts", "message", "meta_json", "trace_id", "request_id")[:limit]
    return [
        (level, f"{ts:%Y-%m-%dT%H:%M:%S}", message, json.dumps(meta) if meta is not None else None, trace, request)
        for level, ts, message, meta, trace, request in [*values, *_newest_sealed(service, since, limit - len(values))]
    ]


def _newest_sealed(service: Service, since: datetime, limit: int) -> list[tuple[Any, ...]]:
    """Return the same of what is sealed; rows are newer but for late ones."""
    if limit <= 0:
        return []
    query, end = sealed.of_places(BlockQuery(service.org_id), service.pk, None), timezone.now() + timedelta(days=1)

    def read(_: bool) -> list[tuple[Any, ...]]:
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
            for each in details_of(reader, found)
        ]

    return retried(read)
