"""The SQL of one slice of a search, by the rules that were measured (docs/search.md tells them in words).

WALK    goes along a b-tree from the newest row down and stops at the limit. Best where matches are common, and the
        only way for what no index finds. Levels are walked one by one and merged, each along `logs_level_idx`.
GATHER  collects all matches of the slice first, behind MATERIALIZED so that the planner cannot turn it into a walk,
        then sorts. Best where an index finds few rows in a long time: `ORDER BY ts DESC LIMIT 50` would walk for long.

Either yields addresses; the rows themselves are fetched for the page only. The range of `ts` and `org_id` stand in
every part, so that partitions are pruned and a distributed table is asked on one node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from logs.cursor import LogCursor
from logs.search.conditions import Condition, Reach
from logs.search.rows import ID_SHOWN, MESSAGE_SHOWN, META_SHOWN

WALKED_FIRST = timedelta(minutes=16)  # slices up to this width are walked even where an index would find the rows
JUST_RECEIVED = timedelta(seconds=15)
_COMPRESSED = 5_000  # bytes that are unpacked to see how many they are; they may be hundred times as many

# What is compressed says nothing of its length, and unpacking it all would cost what not showing it spares.
ROW = f"""l.id, l.ts, l.service_id, l.environment_id, l.level, left(l.message, {MESSAGE_SHOWN}), length(l.message),
    CASE WHEN pg_column_size(l.meta_json)
            <= CASE WHEN pg_column_compression(l.meta_json) IS NULL THEN {META_SHOWN} ELSE {_COMPRESSED} END
        AND octet_length(l.meta_json::text) <= {META_SHOWN} THEN l.meta_json::text END,
    left(l.trace_id, {ID_SHOWN}), left(l.request_id, {ID_SHOWN}), l.org_id"""


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows of `org_id` in [start, end), for a list that is newest first.

    With `before` those that follow it there; with `after` those above it, and whatever was received just now, wherever
    its own time puts it.
    """

    org_id: UUID
    start: datetime
    end: datetime
    before: LogCursor | None = None
    after: LogCursor | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """Return it as SQL."""
        sql, params = "org_id = %s AND ts >= %s AND ts < %s", [self.org_id, self.start, self.end]
        if self.before:
            sql += " AND ts <= %s AND (ts, id) < (%s, %s)"
            params += [self.before.ts, self.before.ts, self.before.id]
        if self.after:
            sql += " AND ((ts, id) > (%s, %s) OR created_at > now() - %s)"
            params += [self.after.ts, self.after.id, JUST_RECEIVED]
        return sql, params


def page_of_slice(span: RowRange, parts: Sequence[Condition], *, is_walk: bool, limit: int) -> tuple[str, list[Any]]:
    """Return the SQL for the newest `limit` rows of `span` that meet any of `parts`, which exclude each other.

    Each row of the page is fetched by its whole key. A plain join leaves it to the planner, which compares each row of
    the page with each of the span where it takes them for few: in an organisation of which the statistics know nothing.
    """
    result, params = _walked(span, parts, limit) if is_walk else gathered(span, parts)
    sql = f"""WITH found AS MATERIALIZED ({result}),
    page AS MATERIALIZED (SELECT ts, id FROM found ORDER BY ts DESC, id DESC LIMIT %s)
    SELECT log.* FROM page CROSS JOIN LATERAL (
        SELECT {ROW} FROM logs l
        WHERE l.org_id = %s AND l.ts = page.ts AND l.id = page.id AND l.ts >= %s AND l.ts < %s OFFSET 0) AS log
    ORDER BY page.ts DESC, page.id DESC"""
    return sql, [*params, limit, span.org_id, span.start, span.end]


def all_of(span: RowRange, parts: Sequence[Condition]) -> tuple[str, list[Any]]:
    """Return the SQL for whole rows of `span` that meet a condition, newest first; its last parameter is the limit."""
    where, params = _where(span, parts[0]) if parts else ("FALSE", [])
    sql = f"""SELECT id, ts, created_at, level, environment_id, message, trace_id, request_id, meta_json::text
    FROM logs WHERE {where} ORDER BY ts DESC, id DESC LIMIT %s"""
    return sql, params


def rows_of(span: RowRange, condition: Condition, columns: str) -> tuple[str, list[Any]]:
    """Return the SQL for columns of the rows of `span` that meet a condition; in no order."""
    where, params = _where(span, condition)
    return f"SELECT {columns} FROM logs WHERE {where}", params


def _walked(span: RowRange, parts: Sequence[Condition], limit: int) -> tuple[str, list[Any]]:
    walks, params = [], []
    for part in parts:
        where, values = _where(span, part)
        walks.append(f"(SELECT ts, id FROM logs WHERE {where} ORDER BY ts DESC, id DESC LIMIT %s)")
        params += [*values, limit]
    return " UNION ALL ".join(walks), params


def gathered(span: RowRange, parts: Sequence[Condition]) -> tuple[str, list[Any]]:
    """Return the SQL for the addresses of all rows of `span` that meet any of `parts`, in no order."""
    queries, params = [], []
    for where, values in (_where(span, part) for part in parts):
        queries.append(f"SELECT ts, id FROM logs WHERE {where}")
        params += values
    return " UNION ALL ".join(queries), params


def _where(span: RowRange, part: Condition) -> tuple[str, list[Any]]:
    sql, params = span.condition()
    if part.sql:
        sql += f" AND ({part.sql})"
    return sql, [*params, *part.params]


def is_walk(condition: Condition, width: timedelta) -> bool:
    """Return whether a slice of `width` is walked or gathered."""
    return condition.reach is not Reach.LOOKUP or width <= WALKED_FIRST
