"""What a page counts of all that it found: the chart, and the facets beside it.

A page waits for them only as long as that is quick (`LOG_PAGE_COUNT_SECONDS`). What takes longer, and the fields of
logs beyond its rows, is asked for by a request of its own when the rows are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from django.conf import settings

from accounts.models import Org
from logs.explorer import facets, pills
from logs.explorer.chart import counted, step_name
from logs.explorer.facets import Facet
from logs.explorer.pills import Pill
from logs.explorer.result_fields import Fields, fields_of_result, newest_rows
from logs.explorer.state import ExplorerState
from logs.search.histogram import Counts
from logs.search.page import Page, Search, prepare
from logs.search.session import SearchSession, search_session
from logs.search.tree import Everything
from pulseops.core.ui.charts import Chart
from services.scopes import Scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The chart, the facets and the fields."""

    chart: Chart
    counts: Counts
    seconds: float
    facets: Sequence[Facet]
    pills: Sequence[Pill]
    fields: Fields

    @property
    def total(self) -> int:
        """How many logs were counted."""
        return self.chart.total

    @property
    def step(self) -> str:
        """How long a bar is."""
        return step_name(self.counts.step)

    @property
    def milliseconds(self) -> int:
        """How long it took."""
        return round(self.seconds * 1000)

    @property
    def has_incidents(self) -> bool:
        """Whether the chart has a band of an incident, not only one of what was not counted."""
        return any(band.url for band in self.chart.bands)


def figures_of(org: Org, explorer: ExplorerState, scopes: Scopes) -> Figures:
    """Count the whole result, in the time that there is for it. Raises QueryFailedError."""
    explorer = replace(explorer, before=None)  # all of the list, not from a place in it
    search = _search(org, explorer, scopes)
    with _session(org, search) as session:
        newest = newest_rows(session, search, explorer)
        counts, chart = counted_whole(session, search, org, explorer, newest)
        seconds = session.elapsed()
        fields = fields_of_result(session, search, explorer, newest)
    return Figures(
        chart=chart,
        counts=counts,
        seconds=seconds,
        facets=facets.column_facets(explorer, search, counts),
        pills=pills.pills(explorer),
        fields=fields,
    )


def fields_of(org: Org, explorer: ExplorerState, scopes: Scopes) -> Fields:
    """Count the fields of the whole result alone. Raises QueryFailedError."""
    search = _search(org, explorer, scopes)
    with _session(org, search) as session:
        return fields_of_result(session, search, explorer, newest_rows(session, search, explorer))


def is_counted_later() -> bool:
    """Return whether what takes long is counted after the page."""
    return bool(settings.LOG_PAGE_COUNT_SECONDS < settings.LOG_COUNT_SECONDS)


def counted_at_once(
    session: SearchSession, search: Search, org: Org, explorer: ExplorerState, page: Page
) -> tuple[Counts, Chart]:
    """Count for as long as the rows of a page may wait; all the time where a reader asks for all at once."""
    if explorer.is_whole or not is_counted_later():
        return counted_whole(session, search, org, explorer, page)
    seconds = settings.LOG_PAGE_COUNT_SECONDS - session.elapsed()
    return counted(session, search, org, explorer, page, seconds=seconds, retries=0)


def counted_whole(
    session: SearchSession, search: Search, org: Org, explorer: ExplorerState, page: Page
) -> tuple[Counts, Chart]:
    """Count for all the time that there is for it."""
    return counted(session, search, org, explorer, page, seconds=settings.LOG_COUNT_SECONDS, retries=2)


def _search(org: Org, explorer: ExplorerState, scopes: Scopes) -> Search:
    return prepare(org.pk, explorer.node or Everything(), scopes)


def _session(org: Org, search: Search) -> AbstractContextManager[SearchSession]:
    return search_session(org.pk, may_be_slow=bool(search.rest.sql))
