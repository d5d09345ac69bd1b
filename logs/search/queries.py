"""What pages ask of the logs beside a page of a search: counts, one line, its neighbours, when someone last logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from logs.cursor import LogCursor
from logs.search.page import Search
from logs.search.plans import ROW, RowRange, gathered
from logs.search.rows import LogDetail, LogRow, read_row
from logs.search.sealed import pages
from logs.search.sealed.reader import BlockQuery, retried
from logs.search.session import SearchSession
from logs.search.slices import Window
from logs.storage.blocks.table import Place
from pulseops.core.db.snapshot import one_snapshot
from pulseops.core.db.statement_timeout import QueryTimeoutError

_DAY, _MICROSECOND = timedelta(days=1), timedelta(microseconds=1)


def matches_up_to(session: SearchSession, search: Search, window: Window, *, most: int, seconds: float) -> int | None:
    """Return how many logs of `window` match, at most `most`; None when that takes longer than `seconds`."""
    parts = search.parts(walked=False)
    if not parts:
        return 0
    result, params = gathered(RowRange(search.org_id, window.start, window.end), parts)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({result}) found LIMIT %s) counted"

    def count() -> int:
        reader, blocks = session.reader(seconds), search.blocks.range(window.start, window.end)
        [(rows,)], [heads] = session.fetch_with_blocks((sql, [*params, most]), [blocks], seconds=seconds)
        return min(most, rows + pages.count_up_to(reader, search.blocks, window, heads, most - rows))

    try:
        return retried(count)
    except QueryTimeoutError:
        return None


def log_at(session: SearchSession, org_id: UUID, address: LogCursor) -> LogDetail | None:
    """Return the organisation's log at `address`, or None."""

    with one_snapshot():
        return _row_at(session, org_id, address) or pages.log_at(session.reader(5), address)


def _row_at(session: SearchSession, org_id: UUID, address: LogCursor) -> LogDetail | None:
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
    span = Window(row.ts, limit + _MICROSECOND) if is_later else Window(limit, row.ts + _MICROSECOND)
    place = Place(org_id, row.service_id, row.environment_id)
    try:
        with one_snapshot():
            rows = [read_row(each) for each in session.fetch(sql, params, seconds=2)]
            sealed = pages.beside(session.reader(2), place, row.address, span, count, is_later=is_later)
    except QueryTimeoutError:
        return []
    both = {each.address: each for each in (*sealed, *rows)}
    return sorted(both.values(), key=lambda each: each.address, reverse=not is_later)[:count]


def last_logged_at(
    session: SearchSession, org_id: UUID, scopes: Iterable[tuple[UUID, UUID]] | None, *, before: datetime
) -> datetime | None:
    """Return when any of the scopes (service id, environment id) last logged before `before`; None for never.

    One look each; `scopes` None means everything of the organisation. Raises QueryTimeoutError.
    """
    places = None if scopes is None else list(scopes)
    if places is None:
        look, params = _last("org_id = %s"), [org_id, before]
    else:
        looks = [[org_id, *ids, before] for ids in places]
        if not looks:
            return None
        look = " UNION ALL ".join([_last("org_id = %s AND service_id = %s AND environment_id = %s")] * len(looks))
        params = [param for each in looks for param in each]
    environments = None if places is None else [environment_id for _, environment_id in places]
    with one_snapshot():
        rows = [ts for (ts,) in session.fetch(look, params, seconds=0.3)]
        sealed = pages.last_before(session.reader(0.3), before, environments)
    return max([*rows, *sealed], default=None)


def _last(where: str) -> str:
    return f"(SELECT ts FROM logs WHERE {where} AND ts < %s ORDER BY ts DESC LIMIT 1)"


def oldest_at(session: SearchSession, org_id: UUID) -> datetime | None:
    """Return the time of the organisation's oldest log, None when it has no log at all."""
    sql = "SELECT ts FROM logs WHERE org_id = %s ORDER BY ts LIMIT 1"
    blocks, params = BlockQuery(org_id).range(None, None).values("min(start_ts)")
    rows = session.fetch(f"({sql}) UNION ALL ({blocks})", [org_id, *params], seconds=1)
    return min((ts for (ts,) in rows if ts is not None), default=None)


def keys_seen(rows: Sequence[LogRow]) -> Counter[str]:
    """Count the top-level keys of the JSON of these rows."""
    return Counter(key for row in rows for key in (row.meta or {}))
