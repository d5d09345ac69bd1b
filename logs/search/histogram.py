"""How many logs a search finds, over time and by scope: from the roll-up by minute where it can tell, else by rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from logs.search.conditions import Condition
from logs.search.page import Search
from logs.search.plans import RowRange
from logs.search.rows import LogRow
from logs.search.sealed.pages import count_matches
from logs.search.sealed.reader import BlockQuery, retried
from logs.search.sealed.rows import Counted
from logs.search.session import SearchSession
from logs.search.slices import Slice, Slicer, Window
from pulseops.core.db.statement_timeout import QueryTimeoutError

_STEPS_MS = (
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_200_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000,
    345_600_000,
)  # fmt: skip
_LEAST_BARS, _MOST_BARS = 60, 120
_LISTED = 10_000  # heads of blocks in the first answer: all else would be counted twice, see `retried`
_MINUTE = timedelta(minutes=1)
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
    """Return how long a bar is, so that `length` has 60 to 120 of them where round steps allow; the longer of two."""
    steps = [timedelta(milliseconds=milliseconds) for milliseconds in _STEPS_MS]
    for step, longer in pairwise([*steps, -(-length // (_DAY * _MOST_BARS)) * _DAY]):
        if length <= step * _MOST_BARS:
            return longer if length >= longer * _LEAST_BARS else step
    return max(-(-length // (_DAY * _MOST_BARS)) * _DAY, _DAY)


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
    retries: int = 2,
) -> Counts:
    """Count what matches in `window`, within about `seconds`, in bars of `step` that begin at `origin`.

    Where the first slice of time takes too long, a narrower one is tried, `retries` times.

    `until` is where the chart ends, if the window goes on beyond it: what lies behind counts into the last bar.

    A search of columns alone is counted for all levels and scopes, so that facets know what lies beside it: then
    `admits(environment_id, level)` tells what belongs into the bars. Any other is counted as it is.
    """
    is_whole = not search.rest.sql
    counts = Counts(step, window.end)
    end = until or window.end
    last = _last_bar(origin, step, end)
    count = _count_all if is_whole else _count_found
    first = window.length if is_whole else max((end - window.start) / 8, step)
    slicer = Slicer(window, seconds=seconds, first=first, anchor=end, retries=retries)
    while session.may_go_on() and (part := slicer.take()):
        try:
            rows = count(session, search, part, origin, step)
        except QueryTimeoutError:
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


def count_of_rows(
    rows: Iterable[LogRow], window: Window, *, origin: datetime, step: timedelta, until: datetime
) -> Counts:
    """Count rows that are known to be all that a search finds in `window`; otherwise as `histogram`."""
    counts = Counts(step, window.start)
    last = _last_bar(origin, step, until)
    for row in rows:
        counts.groups[row.environment_id, row.level] += 1
        counts.bars[min(origin + (row.ts - origin) // step * step, last), row.level] += 1
    return counts


def _last_bar(origin: datetime, step: timedelta, end: datetime) -> datetime:
    return origin + (end - origin - timedelta(microseconds=1)) // step * step


def _count_all(session: SearchSession, search: Search, part: Slice, origin: datetime, step: timedelta) -> Counted:
    """Count every log of the slice: whole minutes from the roll-up, what is left at both ends from the logs."""
    first, behind = _ceiling(part.start), _floor(part.end)
    everything = BlockQuery(search.org_id)
    if first >= behind or step < _MINUTE:
        statement = _of_rows(RowRange(search.org_id, part.start, part.end), Condition(), origin, step)
        return _count(session, statement, everything, [(part.start, part.end)], part.seconds, origin, step)
    sql = """SELECT date_bin(%s, minute, %s), environment_id, level, sum(count)
    FROM log_counts WHERE org_id = %s AND minute >= %s AND minute < %s GROUP BY 1, 2, 3"""
    params = [step, origin, search.org_id, first, behind]
    ends = [(start, end) for start, end in ((part.start, first), (behind, part.end)) if start < end]
    for start, end in ends:
        rows, values = _of_rows(RowRange(search.org_id, start, end), Condition(), origin, step)
        sql, params = f"{sql} UNION ALL {rows}", [*params, *values]
    return _count(session, (sql, params), everything, ends, part.seconds, origin, step)


def _count_found(session: SearchSession, search: Search, part: Slice, origin: datetime, step: timedelta) -> Counted:
    """Count the logs of the slice that the search finds."""
    parts = search.parts(walked=False)
    if not parts:
        return []
    statement = _of_rows(RowRange(search.org_id, part.start, part.end), parts[0], origin, step)
    return _count(session, statement, search.blocks, [(part.start, part.end)], part.seconds, origin, step)


def _count(
    session: SearchSession, statement: tuple[str, list[Any]], query: BlockQuery, spans: list[tuple[datetime, datetime]],
    seconds: float, origin: datetime, step: timedelta,
) -> Counted:  # fmt: skip
    """Return what the statement counts of rows, and what the query finds in the blocks of `spans`."""

    def count() -> Counted:
        reader, ranges = session.reader(seconds), [query.range(*span) for span in spans]
        counts, heads = session.fetch_with_blocks(statement, ranges, seconds=seconds, listed=_LISTED)
        for span, listed in zip(spans, heads, strict=True):
            counts += count_matches(reader, query, *span, listed, origin, step, listed=_LISTED)
        return counts

    return retried(count)


def _of_rows(span: RowRange, condition: Condition, origin: datetime, step: timedelta) -> tuple[str, list[Any]]:
    where, params = span.condition()
    also = f" AND ({condition.sql})" if condition.sql else ""
    sql = f"""SELECT date_bin(%s, ts, %s), environment_id, level, count(*)
    FROM logs WHERE {where}{also} GROUP BY 1, 2, 3"""
    return sql, [step, origin, *params, *condition.params]


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _ceiling(moment: datetime) -> datetime:
    whole = _floor(moment)
    return whole if whole == moment else whole + _MINUTE
