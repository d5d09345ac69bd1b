"""What pages ask of the logs beside a page of a search: counts, one line, its neighbours, when somebody last logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from logs.addresses import Address
from logs.search.compiler import Condition
from logs.search.page import LogRow, Search, read_row
from logs.search.plans import ROW, Span
from logs.search.session import OutOfTimeError, SearchSession
from logs.search.slices import Slice, Slicer, Window

_STEPS_MS = (
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000,
    345_600_000,
)  # fmt: skip
_MOST_BARS = 120
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Counts:
    """How many logs: by the start of their bar and level, and by environment and level. Newest are counted first.

    `counted_to` is the time back to which all were counted; it is the window's start when `is_complete`.
    """

    step: timedelta
    counted_to: datetime
    is_complete: bool = True
    bars: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    groups: Counter[tuple[UUID, str]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All that were counted."""
        return sum(self.groups.values())


def bar_step(length: timedelta) -> timedelta:
    """Return how long a bar is, so that `length` has 60 to 120 of them (fewer below a second)."""
    for milliseconds in _STEPS_MS:
        step = timedelta(milliseconds=milliseconds)
        if length <= step * _MOST_BARS:
            return step
    days = -(-length // (_DAY * _MOST_BARS))
    return timedelta(days=days)


def bar_origin(start: datetime, step: timedelta, midnight: datetime) -> datetime:
    """Return where the first bar begins: at or before `start`, on a round time of the reader's day."""
    return midnight + ((start - midnight) // step) * step


def histogram(
    session: SearchSession,
    search: Search,
    window: Window,
    *,
    origin: datetime,
    step: timedelta,
    seconds: float,
    until: datetime | None = None,
    admits: Callable[[UUID, str], bool] | None = None,
) -> Counts:
    """Count what matches in `window`, within about `seconds`, in bars of `step` that begin at `origin`.

    `until` is where the chart ends, if the window goes on beyond it: what lies behind counts into the last bar.

    A search of columns alone is counted for all levels and scopes, so that facets know what lies beside it: then
    `admits(environment_id, level)` tells what belongs into the bars. Any other is counted as it is.
    """
    is_whole = not search.rest.sql
    counts = Counts(step, window.end)
    end = until or window.end
    last = origin + (end - origin - timedelta(microseconds=1)) // step * step
    slicer = Slicer(window, seconds=seconds, first=max((end - window.start) / 8, step), anchor=end)
    while session.may_go_on() and (part := slicer.take()):
        try:
            rows = _counted(session, search, part, origin, step, is_whole=is_whole)
        except OutOfTimeError:
            if not slicer.failed():
                break
        else:
            slicer.done()
            for bar, environment_id, level, number in rows:
                counts.groups[environment_id, level] += number
                if admits is None or not is_whole or admits(environment_id, level):
                    counts.bars[min(bar, last), level] += number
    counts.counted_to, counts.is_complete = slicer.reached, slicer.is_complete
    return counts


def _counted(
    session: SearchSession, search: Search, part: Slice, origin: datetime, step: timedelta, *, is_whole: bool
) -> list[tuple[Any, ...]]:
    parts = [Condition()] if is_whole else search.parts(walked=False)
    if not parts:
        return []
    (condition,) = parts
    where, params = Span(search.org_id, part.start, part.end).condition()
    also = f" AND ({condition.sql})" if condition.sql else ""
    sql = f"""SELECT date_bin(%s, ts, %s), environment_id, level, count(*)
    FROM logs WHERE {where}{also} GROUP BY 1, 2, 3"""
    return session.fetch(sql, [step, origin, *params, *condition.params], seconds=part.seconds)


def matches_up_to(session: SearchSession, search: Search, window: Window, *, most: int, seconds: float) -> int | None:
    """Return how many logs of `window` match, at most `most`; None when that takes longer than `seconds`."""
    parts = search.parts(walked=False)
    if not parts:
        return 0
    (condition,) = parts
    where, params = Span(search.org_id, window.start, window.end).condition()
    also = f" AND ({condition.sql})" if condition.sql else ""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM logs WHERE {where}{also} LIMIT %s) counted"
    try:
        return int(session.fetch(sql, [*params, *condition.params, most], seconds=seconds)[0][0])
    except OutOfTimeError:
        return None


@dataclass(frozen=True, slots=True)
class LogDetail:
    """One log with everything that is stored of it; `meta` is the raw JSON text."""

    row: LogRow
    message: str
    meta: str | None
    received_at: datetime


def log_at(session: SearchSession, org_id: UUID, address: Address) -> LogDetail | None:
    """Return the organisation's log at `address`, or None."""
    sql = f"""SELECT l.message, l.meta_json::text, l.created_at, {ROW} FROM logs l
    WHERE l.org_id = %s AND l.ts = %s AND l.id = %s"""
    found = session.fetch(sql, [org_id, address.ts, address.id], seconds=5)
    if not found:
        return None
    message, meta, received_at, *columns = found[0]
    return LogDetail(read_row(columns), message, meta, received_at)


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
    except OutOfTimeError:
        return []


def last_logged_at(
    session: SearchSession, org_id: UUID, scopes: Iterable[tuple[UUID, UUID]], *, before: datetime
) -> datetime | None:
    """Return when any of the scopes (service id, environment id) last logged before `before`; one look each."""
    latest: list[datetime] = []
    sql = """SELECT ts FROM logs WHERE org_id = %s AND service_id = %s AND environment_id = %s AND ts < %s
    ORDER BY ts DESC LIMIT 1"""
    for service_id, environment_id in scopes:
        try:
            latest += [ts for (ts,) in session.fetch(sql, [org_id, service_id, environment_id, before], seconds=0.2)]
        except OutOfTimeError:
            return None
    return max(latest, default=None)


def has_logs(session: SearchSession, org_id: UUID) -> bool:
    """Tell whether the organisation has any log at all."""
    return bool(session.fetch("SELECT 1 FROM logs WHERE org_id = %s LIMIT 1", [org_id], seconds=1))


def keys_seen(rows: Sequence[LogRow]) -> Counter[str]:
    """Count the top-level keys of the JSON of these rows."""
    return Counter(key for row in rows for key in (row.meta or {}))
