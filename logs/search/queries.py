"""What pages ask of the logs beside a page of a search: counts, one line, its neighbours, when someone last logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from logs.cursor import LogCursor
from logs.search.page import LogRow, Search, read_row
from logs.search.plans import ROW, RowRange, gathered
from logs.search.session import SearchSession
from logs.search.slices import Window
from pulseops.core.db.statement_timeout import QueryTimeoutError

_DAY = timedelta(days=1)


def matches_up_to(session: SearchSession, search: Search, window: Window, *, most: int, seconds: float) -> int | None:
    """Return how many logs of `window` match, at most `most`; None when that takes longer than `seconds`."""
    parts = search.parts(walked=False)
    if not parts:
        return 0
    result, params = gathered(RowRange(search.org_id, window.start, window.end), parts)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({result}) found LIMIT %s) counted"
    try:
        return int(session.fetch(sql, [*params, most], seconds=seconds)[0][0])
    except QueryTimeoutError:
        return None


@dataclass(frozen=True, slots=True)
class LogDetail:
    """One log with everything that is stored of it; `meta` is the raw JSON text."""

    row: LogRow
    message: str
    meta: str | None
    received_at: datetime
    trace_id: str | None
    request_id: str | None


def log_at(session: SearchSession, org_id: UUID, address: LogCursor) -> LogDetail | None:
    """Return the organisation's log at `address`, or None."""
    sql = f"""SELECT l.message, l.meta_json::text, l.created_at, l.trace_id, l.request_id, {ROW} FROM logs l
    WHERE l.org_id = %s AND l.ts = %s AND l.id = %s"""
    result = session.fetch(sql, [org_id, address.ts, address.id], seconds=5)
    if not result:
        return None
    message, meta, received_at, trace_id, request_id, *columns = result[0]
    return LogDetail(read_row(columns), message, meta, received_at, trace_id, request_id)


def neighbours(session: SearchSession, row: LogRow, org_id: UUID, *, count: int) -> tuple[list[LogRow], list[LogRow]]:
    """Return up to `count` logs of the same environment after and before `row`, both newest first, within a day."""
    after = _beside(session, row, org_id, "ASC", count)
    before = _beside(session, row, org_id, "DESC", count)
    return after[::-1], before


def _beside(session: SearchSession, row: LogRow, org_id: UUID, order: str, count: int) -> list[LogRow]:
    is_later = order == "ASC"
    near, far = (">=", "<=") if is_later else ("<=", ">=")
    sql = f"""SELECT {ROW} FROM logs l
    WHERE l.org_id = %s AND l.service_id = %s AND l.environment_id = %s
      AND l.ts {near} %s AND l.ts {far} %s AND (l.ts, l.id) {near[0]} (%s, %s)
    ORDER BY l.ts {order}, l.id {order} LIMIT %s"""
    limit = row.ts + _DAY if is_later else row.ts - _DAY
    params = [org_id, row.service_id, row.environment_id, row.ts, limit, row.ts, row.id, count]
    try:
        return [read_row(each) for each in session.fetch(sql, params, seconds=2)]
    except QueryTimeoutError:
        return []


def last_logged_at(
    session: SearchSession, org_id: UUID, scopes: Iterable[tuple[UUID, UUID]] | None, *, before: datetime
) -> datetime | None:
    """Return when any of the scopes (service id, environment id) last logged before `before`; None for never.

    One look each; `scopes` None means everything of the organisation. Raises QueryTimeoutError.
    """
    if scopes is None:
        look, params = _last("org_id = %s"), [org_id, before]
    else:
        looks = [[org_id, *ids, before] for ids in scopes]
        if not looks:
            return None
        look = " UNION ALL ".join([_last("org_id = %s AND service_id = %s AND environment_id = %s")] * len(looks))
        params = [param for each in looks for param in each]
    return max((ts for (ts,) in session.fetch(look, params, seconds=0.3)), default=None)


def _last(where: str) -> str:
    return f"(SELECT ts FROM logs WHERE {where} AND ts < %s ORDER BY ts DESC LIMIT 1)"


def oldest_at(session: SearchSession, org_id: UUID) -> datetime | None:
    """Return the time of the organisation's oldest log, None when it has no log at all."""
    sql = "SELECT ts FROM logs WHERE org_id = %s ORDER BY ts LIMIT 1"
    return next((ts for (ts,) in session.fetch(sql, [org_id], seconds=1)), None)


def keys_seen(rows: Sequence[LogRow]) -> Counter[str]:
    """Count the top-level keys of the JSON of these rows."""
    return Counter(key for row in rows for key in (row.meta or {}))
