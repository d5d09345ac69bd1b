"""The histogram of a page: how many logs in each bar and level, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Org
from logs.explorer.result_fields import is_all
from logs.explorer.state import ExplorerState
from logs.search.histogram import Counts, bar_origin, bar_step, count_of_rows, histogram
from logs.search.page import Page, Search
from logs.search.session import SearchSession
from pulseops.core.extensions import TIMELINE_MARKS
from pulseops.core.ui import chart_marks, charts, times
from pulseops.core.ui.states import LEVELS

CHART_HEIGHT = 108  # pixels
_SHORT = 100  # characters of an address that every bar may repeat; beyond, only the script zooms by a bar


def counted(
    session: SearchSession,
    search: Search,
    org: Org,
    explorer: ExplorerState,
    page: Page,
    *,
    seconds: float,
    retries: int,
) -> tuple[Counts, charts.Chart]:
    """Return how many logs of the whole result there are, beginning with the newest, and the chart of these.

    `page` has the newest rows. After `seconds`, where there are any left, it is as far as it has come; where not even
    the first slice of time was counted by then, a narrower one is tried, `retries` times.
    """
    start, end = explorer.range.start, explorer.range.end
    step = bar_step(end - start)
    origin = bar_origin(start, step, times.local_midnight(start))
    if explorer.node is None:
        counts = Counts(step, end)
    elif is_all(page, explorer) and search.rest.sql:
        counts = count_of_rows(page.rows, explorer.range.window, origin=origin, step=step, until=end)
    elif seconds < 0:
        counts = Counts(step, explorer.range.window.end, is_complete=False)
    else:
        counts = histogram(
            session, search, explorer.range.window, origin=origin, step=step, until=end,
            seconds=seconds, retries=retries, admits=_admitting(search),
        )  # fmt: skip
    buckets = list(_buckets(explorer, counts.bars, origin, step))
    markers, bands = _marks(org, search, counts, start, end)
    if not counts.is_complete:
        bands.append(chart_marks.Band(start, min(counts.counted_to, end), "Not counted: took too long", tone="info"))
    return counts, charts.stacked_histogram(buckets, height=CHART_HEIGHT, markers=markers, bands=bands)


def _admitting(search: Search) -> Callable[[UUID, str], bool]:
    """Return whether the columns that are searched admit a level of an environment, as a function."""
    columns, scopes = search.split.columns, search.scopes.by_environment()

    def admits(environment_id: UUID, level: str) -> bool:
        scope = scopes.get(environment_id)
        return columns.admits(level, scope) if scope else True

    return admits


def _buckets(
    explorer: ExplorerState, bars: Mapping[tuple[datetime, str], int], origin: datetime, step: timedelta
) -> Iterator[charts.Bucket]:
    at, is_short = origin, len(explorer.url()) <= _SHORT
    while at < explorer.range.end:
        counts = {level: bars.get((at, level), 0) for level in LEVELS}
        first, last = max(at, explorer.range.start), min(at + step, explorer.range.end)
        since, until = times.to_url(first), times.to_url(last)
        url = explorer.url(since=since, to=until) if is_short else ""
        yield charts.Bucket(at, at + step, counts, url, span=f"{since}/{until}")
        at += step


def _marks(
    org: Org, search: Search, counts: Counts, start: datetime, end: datetime
) -> tuple[list[chart_marks.Marker], list[chart_marks.Band]]:
    """Ask the apps above what happened meanwhile to what is shown: where words were looked for, to who logged them."""
    columns, scopes = search.split.columns, search.scopes
    service_ids = list(columns.services) if len(columns.services) < len(scopes.services()) else []
    held = [s.environment_id for s in scopes.all if columns.holds(s)]
    if search.rest.sql:
        found = {environment_id for environment_id, _ in counts.groups}
        held = [environment_id for environment_id in held if environment_id in found]
        if not held:
            return [], []
    environment_ids = held if len(held) < len(scopes.all) else []
    marks = [m for marks_of in TIMELINE_MARKS for m in marks_of(org, service_ids, environment_ids, start, end)]
    return chart_marks.markers_of(marks), chart_marks.bands_of(marks)


def step_name(step: timedelta) -> str:
    """Say how long a bar is: "30 s", "5 min", "1 d"."""
    seconds = step.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((times.DAY, "d"), (times.HOUR, "h"), (times.MINUTE, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
