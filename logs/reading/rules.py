"""What rules read of logs: how many were received, in which steps, and the lines that say why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from logs.models import Level
from logs.search.columns import all_of
from logs.search.compiler import Compiler
from logs.search.conditions import Condition, one_of
from logs.search.parser import parse
from logs.search.sealed import counts as sealed
from logs.search.sealed.beside import RowsAndMatches, read_both
from logs.search.sealed.reader import BlockQuery, Span
from logs.search.tree import Everything
from pulseops.core.db.statement_timeout import fetch_within
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
    condition = query.matching.condition(query.scopes)
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
