"""What other apps read of the logs; nothing outside `logs` names its tables.

Times are UTC, and each query of rows has a bound in time. Rules count by the time at which a log was received, so a
late line never escapes them; pages count by the log's own time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from logs.models import Level, LogEntry
from logs.search.columns import all_of
from logs.search.compiler import Compiler
from logs.search.conditions import Condition
from logs.search.parser import parse
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


@dataclass(frozen=True, slots=True)
class Matching:
    """Logs of `level` ("" is any) that match `query`, a valid search ("" is any)."""

    level: str = ""
    query: str = ""

    def condition(self, scopes: Scopes) -> Condition:
        """Return it as a condition on `logs`, of the organisation whose services are `scopes`; never empty."""
        level = Condition("level = %s", (self.level,)) if self.level else Condition()
        return all_of(Condition("TRUE"), level, Compiler(scopes).compile(parse(self.query)))


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
SELECT id, ts, level, left(message, 1001) FROM logs
WHERE org_id = %s AND service_id = %s AND environment_id = %s AND created_at > %s AND created_at <= %s AND {matching}
ORDER BY created_at DESC, id DESC LIMIT %s
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


def count_received(
    org_id: UUID, windows: Sequence[timedelta], now: datetime, *, only_errors: bool, seconds: float
) -> list[Received]:
    """Count what one organisation sent in each of `windows` before `now`, by environment and level.

    Raises BoundedQueryError, such as when it takes longer than `seconds`.
    """
    counts = ", ".join(f"count(*) FILTER (WHERE created_at > %(since{n})s)" for n in range(len(windows)))
    sql = _RECEIVED.format(
        level=f"'{Level.ERROR}'" if only_errors else "level",
        windows=counts,
        only=f" AND level = '{Level.ERROR}'" if only_errors else "",
    )
    values: dict[str, Any] = {f"since{n}": now - window for n, window in enumerate(windows)}
    values |= {"org": org_id, "longest": now - max(windows), "now": now}
    return [Received(*row) for row in fetch_within(seconds, sql, values)]


def count_received_matching(query: Query, now: datetime, *, seconds: float) -> dict[UUID, int]:
    """Count for one query by environment. Raises BoundedQueryError."""
    condition = query.matching.condition(query.scopes)
    values = [query.org_id, query.since, now, *condition.params]
    return dict(fetch_within(seconds, _RECEIVED_MATCHING.format(matching=condition.sql), values))


def heard_from(query: Query, scopes: Sequence[LogScope], until: datetime, *, seconds: float) -> set[UUID]:
    """Return which of the environments `scopes` had a matching log in (query.since, until], by the logs' own time.

    Raises BoundedQueryError.
    """
    places = [each.environment_id for each in scopes]
    if query.matching == Matching():
        rows = fetch_within(seconds, _HEARD, [query.org_id, query.since, until, places])
    else:
        condition = query.matching.condition(query.scopes)
        values = [[each.service_id for each in scopes], places, query.org_id, query.since, until, *condition.params]
        rows = fetch_within(seconds, _HEARD_MATCHING.format(matching=condition.sql), values)
    return {row[0] for row in rows}


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
    condition = query.matching.condition(query.scopes)
    values = [start, step.total_seconds(), query.org_id, query.since, end]
    values += [service_id, service_id, environment_id, environment_id, *condition.params]
    rows: list[Any] = fetch_within(seconds, _STEPS.format(matching=condition.sql), values)
    return rows


def sample_lines(
    query: Query, scope: LogScope, until: datetime, *, limit: int, seconds: float
) -> list[tuple[int, datetime, str, str]]:
    """Return (id, time, level, beginning of the message) of what was last received. Raises BoundedQueryError."""
    condition = query.matching.condition(query.scopes)
    values = [*scope.values, query.since, until, *condition.params, limit]
    rows: list[Any] = fetch_within(seconds, _SAMPLES.format(matching=condition.sql), values)
    return rows


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
    return dict(fetch_within(seconds, _BARS.format(matching=condition.sql), values))


def count_on_sides(scope: LogScope, sides: Sides, *, most: int, seconds: float) -> tuple[int, int]:
    """Count the logs of both sides, at most `most` each. Raises BoundedQueryError."""
    before = [*scope.values, sides.start, sides.pivot, most]
    after = [*scope.values, sides.pivot, sides.end, most]
    ((in_before, in_after),) = fetch_within(seconds, _LINES, before + after)
    return in_before, in_after


def error_messages(
    scope: LogScope, sides: Sides, *, length: int, most: int, seconds: float
) -> list[tuple[str, datetime]]:
    """Return (beginning of the message, time) of at most `most` errors on each side, those nearest to the pivot.

    Raises BoundedQueryError.
    """
    before = [length, *scope.values, sides.start, sides.pivot, most]
    after = [length, *scope.values, sides.pivot, sides.end, most]
    rows: list[Any] = fetch_within(seconds, _MESSAGES, before + after)
    return rows


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
    with connection.cursor() as cursor:  # from the roll-up and a few minutes: it needs no bound
        cursor.execute(_AROUND, values)
        return {identifier: (before, after) for identifier, before, after in cursor.fetchall()}


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
        for level, ts, message, meta, trace, request in values
    ]
