"""Everything one explorer page shows, asked in one session of the database and within its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.models import Org
from logs.explorer import facets, no_results, pills
from logs.explorer.facets import Facet, KeySeen
from logs.explorer.marker import Marker
from logs.explorer.pills import Pill
from logs.explorer.result_fields import fields_of_result, is_all
from logs.explorer.rows import Column, Lister, ShownRow, columns_of, zone_of
from logs.explorer.state import ExplorerState
from logs.search.histogram import Counts, bar_origin, bar_step, count_of_rows, histogram
from logs.search.page import Page, Search, newest_page, prepare
from logs.search.rows import LogRow
from logs.search.session import SearchSession, search_session
from logs.search.tree import Everything
from pulseops.core.extensions import TIMELINE_MARKS
from pulseops.core.ui import chart_marks, charts, times
from pulseops.core.ui.states import LEVELS
from services.scopes import Scopes

PAGE_ROWS = 100
ORDERED_ROWS = 300  # of a page that begins with the oldest, so that a trace is seen whole
_COMMON = 5_000  # logs
_DEEPEST = 4  # services of a trace that are indented each further than the one before
CHART_HEIGHT = 108  # pixels
_SHORT = 100  # characters of an address that every bar may repeat; beyond, only the script zooms by a bar


@dataclass(frozen=True, slots=True)
class ExplorerResults:
    """What a page of the explorer shows."""

    page: Page
    rows: Sequence[ShownRow]
    columns: Sequence[Column]
    zone: str  # that the list's head names
    today: str
    chart: charts.Chart
    counts: Counts
    total: int
    step: str
    seconds: float
    facets: Sequence[Facet]
    keys: Sequence[KeySeen]
    keys_of: int  # the newest logs, if not all that were found, whose fields were counted; else 0
    pills: Sequence[Pill]
    notices: Sequence[str]
    older_url: str
    nothing: no_results.NoResults | None = None

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return round(self.seconds * 1000)

    @property
    def has_incidents(self) -> bool:
        """Whether the chart has a band of an incident, not only one of what was not counted."""
        return any(band.url for band in self.chart.bands)


def explore(org: Org, explorer: ExplorerState, scopes: Scopes) -> ExplorerResults:
    """Search, count and lay out one page of `org`, whose services are `scopes`."""
    search = prepare(org.pk, explorer.node or Everything(), scopes)
    with search_session(org.pk, may_be_slow=bool(search.rest.sql)) as session:
        page = _page(session, search, explorer)
        counts, chart = _counted(session, search, org, explorer, page)
        if page.searched_to and not page.rows and counts.is_complete and not chart.total:
            page = Page((), None)  # counting came to the end where looking did not: there is nothing
        seconds = session.elapsed()
        keys, keys_of = fields_of_result(session, search, explorer, page, chart.total if counts.is_complete else None)
        help_ = None
        if not page.rows and not explorer.before and page.searched_to is None and explorer.node is not None:
            help_ = no_results.help_for(session, search, explorer)
    list_ = lister(explorer, scopes)
    return ExplorerResults(
        page=page,
        rows=_oldest_first(list_, page.rows) if explorer.is_oldest_first else list_.rows(page.rows),
        columns=list_.columns,
        zone=zone_of(page.rows),
        today=list_.today,
        chart=chart,
        counts=counts,
        total=chart.total,
        step=step_name(counts.step),
        seconds=seconds,
        facets=facets.column_facets(explorer, search, counts),
        keys=keys,
        keys_of=keys_of,
        pills=pills.pills(explorer),
        notices=(*search.notices, *_damage(session), *_cut(explorer, page)),
        older_url=explorer.older_url(page.after) if page.after else "",
        nothing=help_,
    )


def _damage(session: SearchSession) -> Iterator[str]:
    """Say that logs are missing because what they were sealed in cannot be read."""
    if number := len(session.damage):
        blocks = "1 block of sealed logs is" if number == 1 else f"{number:,} blocks of sealed logs are"
        yield f"{blocks} damaged. What matches in it is missing here; the operator finds more on diagnostics."


def _cut(explorer: ExplorerState, page: Page) -> Iterator[str]:
    """Say that a page which begins with the oldest row does not begin with the oldest of all."""
    if explorer.is_oldest_first and page.after:
        yield f"There are more than the {len(page.rows)} logs shown here, the oldest of these first."


def _oldest_first(list_: Lister, rows: Sequence[LogRow]) -> list[ShownRow]:
    """Return the rows as shown, turned round, each with the time since the one above; a trace indented."""
    turned = list_.rows(rows[::-1])
    if len({row.trace_id for row in rows}) == 1 and rows[0].trace_id:
        services = list(dict.fromkeys(each.service for each in turned))
        turned = [replace(each, depth=min(services.index(each.service), _DEEPEST)) for each in turned]
    for at in range(1, len(turned)):
        seconds = (turned[at].row.ts - turned[at - 1].row.ts).total_seconds()
        turned[at] = replace(turned[at], since_last="+" + times.short_duration(seconds))
    return turned


def lister(explorer: ExplorerState, scopes: Scopes) -> Lister:
    """Return what lays out rows for this page."""
    opened = str(explorer.row) if explorer.row else ""
    return Lister(
        marker=Marker(explorer.node),
        scopes=scopes.by_environment(),
        columns=columns_of(explorer.columns, scopes),
        now=timezone.now(),
        opened=opened,
        is_long=explorer.is_long,
    )


def _page(session: SearchSession, search: Search, explorer: ExplorerState) -> Page:
    if explorer.node is None:
        return Page((), None)
    return newest_page(
        session,
        search,
        explorer.range.window,
        now=explorer.now,
        seconds=settings.LOG_SEARCH_SECONDS,
        before=explorer.before,
        limit=ORDERED_ROWS if explorer.is_oldest_first else PAGE_ROWS,
    )


def _is_common(page: Page, explorer: ExplorerState) -> bool:
    """Guess from a full page how many more there are: so many that looking at every row counts them fastest."""
    if len(page.rows) < PAGE_ROWS:
        return False
    covered = max(page.rows[0].ts - page.rows[-1].ts, timedelta(milliseconds=1))
    return PAGE_ROWS * (explorer.range.window.length / covered) >= _COMMON


def _counted(
    session: SearchSession, search: Search, org: Org, explorer: ExplorerState, page: Page
) -> tuple[Counts, charts.Chart]:
    start, end = explorer.range.start, explorer.range.end
    step = bar_step(end - start)
    origin = bar_origin(start, step, times.local_midnight(start))
    if explorer.node is None:
        counts = Counts(step, end)
    elif is_all(page, explorer) and search.rest.sql:
        counts = count_of_rows(page.rows, explorer.range.window, origin=origin, step=step, until=end)
    else:
        counts = histogram(
            session, search, explorer.range.window, origin=origin, step=step, until=end,
            seconds=settings.LOG_COUNT_SECONDS, is_common=_is_common(page, explorer), admits=_admitting(search),
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
