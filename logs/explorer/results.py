"""Everything one explorer page shows, asked in one session of the database and within its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from django.conf import settings
from django.utils import timezone

from accounts.models import Org
from logs.explorer import facets, no_results, pills
from logs.explorer.figures import Figures, counted_at_once, is_counted_later
from logs.explorer.marker import Marker
from logs.explorer.result_fields import PAGE_ROWS, Fields, fields_of_page, fields_of_result, may_have_more, newest_rows
from logs.explorer.rows import Column, Lister, ShownRow, columns_of, zone_of
from logs.explorer.state import ExplorerState
from logs.search.page import Page, Search, newest_page, prepare
from logs.search.rows import LogRow
from logs.search.session import SearchSession, search_session
from logs.search.tree import Everything
from pulseops.core.ui import times
from services.scopes import Scopes

ORDERED_ROWS = 300  # of a page that begins with the oldest, so that a trace is seen whole
_DEEPEST = 4  # services of a trace that are indented each further than the one before


class Later(Enum):
    """What a request after the page counts, for which its rows do not wait."""

    NOTHING = ""
    FIELDS = "fields"
    FIGURES = "figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerResults(Figures):
    """What a page of the explorer shows."""

    page: Page
    rows: Sequence[ShownRow]
    columns: Sequence[Column]
    zone: str  # that the list's head names
    today: str
    notices: Sequence[str]
    older_url: str
    nothing: no_results.NoResults | None = None
    later: Later = Later.NOTHING


def explore(org: Org, explorer: ExplorerState, scopes: Scopes) -> ExplorerResults:
    """Search, count and lay out one page of `org`, whose services are `scopes`."""
    search = prepare(org.pk, explorer.node or Everything(), scopes)
    with search_session(org.pk, may_be_slow=bool(search.rest.sql)) as session:
        page = _page(session, search, explorer)
        counts, chart = counted_at_once(session, search, org, explorer, page)
        if page.searched_to and not page.rows and counts.is_complete and not chart.total:
            page = Page((), None)  # counting came to the end where looking did not: there is nothing
        seconds = session.elapsed()
        fields, later = _fields(session, search, explorer, page, is_counted=counts.is_complete)
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
        seconds=seconds,
        facets=facets.column_facets(explorer, search, counts),
        fields=fields,
        later=later,
        pills=pills.pills(explorer),
        notices=(*search.notices, *_damage(session), *_cut(explorer, page)),
        older_url=explorer.older_url(page.after) if page.after else "",
        nothing=help_,
    )


def _fields(
    session: SearchSession, search: Search, explorer: ExplorerState, page: Page, *, is_counted: bool
) -> tuple[Fields, Later]:
    """Return the fields that the page shows, and what is counted after it."""
    if explorer.is_whole:
        return fields_of_result(session, search, explorer, newest_rows(session, search, explorer)), Later.NOTHING
    later, has_more = Later.NOTHING, may_have_more(session, page, explorer)
    if not is_counted and explorer.node is not None and is_counted_later():
        later = Later.FIGURES
    elif has_more:
        later = Later.FIELDS
    return replace(fields_of_page(explorer, page), values_follow=has_more), later


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
