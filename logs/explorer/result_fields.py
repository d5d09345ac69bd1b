"""The fields of what a search found, for the left rail.

A page has those of its own rows at once, and a request after it counts those of the whole result where a moment is
enough for them, else of the newest thousand logs and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings

from logs.explorer import facets
from logs.explorer.facets import KeySeen
from logs.explorer.state import ExplorerState
from logs.search.aggregation.groups import Aggregate
from logs.search.aggregation.run import aggregate
from logs.search.page import Page, Search, newest_page
from logs.search.rows import LogRow
from logs.search.session import QUICK_SECONDS, SearchSession
from pulseops.core.db.statement_timeout import BoundedQueryError

PAGE_ROWS = 100
FACET_ROWS = 1_000  # whose fields are counted
FACET_SECONDS = 0.15  # to read these
_FIELDS_BY = 0.25  # seconds since the search began: a slow one has its fields counted in fewer logs, not later
_LEAST_SECONDS = 0.01  # below which nothing more is begun
_RESULT_SECONDS = 0.1  # to count the fields of more logs than these, first those with few values
_FEW_LOGS = 20_000  # in which those of ids and numbers are counted as well, which no summary of a block has


@dataclass(frozen=True, slots=True)
class Fields:
    """Keys of the JSON; `of` says of which logs, and nothing where they are of all that were found.

    With `values_follow` their values are shown when those of more logs are counted.
    """

    keys: Sequence[KeySeen] = ()
    of: str = ""
    values_follow: bool = False


def fields_of_page(explorer: ExplorerState, page: Page) -> Fields:
    """Return the fields of the rows of a page."""
    keys = facets.keys_of_rows(explorer, facets.values_by_key(page.rows))
    return Fields(keys, "" if is_all(page, explorer) else f"of the {len(page.rows)} shown")


def fields_of_result(session: SearchSession, search: Search, explorer: ExplorerState, newest: Page) -> Fields:
    """Return those of the whole result, of which `newest` has the newest rows; of fewer where a moment is too short."""
    rows, values = newest.rows, facets.values_by_key(newest.rows)
    is_whole = newest.after is None and newest.searched_to is None
    if is_whole or not values or _seconds_left(session) < _LEAST_SECONDS:
        return Fields(facets.keys_of_rows(explorer, values), "" if is_whole else _of_newest(len(rows)))
    few = [key for key, each in values.items() if facets.has_few(each)]
    counted = _aggregates(session, search, explorer, few, rows) if few else None
    if not counted or counted[0].logs <= len(rows):
        return Fields(facets.keys_of_rows(explorer, values), _of_newest(len(rows)))
    by_key, is_complete, logs = dict(zip(few, counted, strict=True)), counted[0].is_complete, counted[0].logs
    varied = [key for key in values if key not in by_key]
    if varied and is_complete and logs <= _FEW_LOGS and _seconds_left(session) >= _LEAST_SECONDS:
        others = _aggregates(session, search, explorer, varied, rows)
        if others and others[0].is_complete:
            by_key |= zip(varied, others, strict=True)
    rest = facets.keys_of_rows(explorer, {key: each for key, each in values.items() if key not in by_key})
    keys = facets.keys_of_result(explorer, by_key) + [replace(key, newest=len(rows)) for key in rest]
    return Fields(keys, "" if is_complete else _of_newest(logs))


def newest_rows(session: SearchSession, search: Search, explorer: ExplorerState) -> Page:
    """Return the newest rows of the whole result, as many as a moment allows, of which `fields_of_result` counts.

    Where that gives none, as many as a page has, for which it takes its time.
    """
    if explorer.node is None:
        return Page((), None)
    newest = _newest(session, search, explorer, seconds=FACET_SECONDS, limit=FACET_ROWS)
    if newest.rows or not newest.searched_to:
        return newest
    return _newest(session, search, explorer, seconds=settings.LOG_SEARCH_SECONDS, limit=PAGE_ROWS)


def _newest(session: SearchSession, search: Search, explorer: ExplorerState, *, seconds: float, limit: int) -> Page:
    window = explorer.range.window
    return newest_page(session, search, window, now=explorer.now, seconds=seconds, limit=limit)


def may_have_more(session: SearchSession, page: Page, explorer: ExplorerState) -> bool:
    """Return whether the result has more logs than the page, and looking at these is quick."""
    is_read = explorer.node is not None and bool(page.rows) and not is_all(page, explorer)
    return is_read and page.searched_to is None and session.elapsed() < QUICK_SECONDS


def _of_newest(logs: int) -> str:
    return f"of the newest {logs:,}"


def is_all(page: Page, explorer: ExplorerState) -> bool:
    """Return whether the page has every row that there is."""
    return page.after is None and page.searched_to is None and explorer.before is None


def _aggregates(
    session: SearchSession, search: Search, explorer: ExplorerState, keys: Sequence[str], rows: Sequence[LogRow]
) -> list[Aggregate] | None:
    """Count the logs by the values of each key, beginning with the time of the rows; None where that cannot be done."""
    first = max(rows[0].ts - rows[-1].ts, timedelta(seconds=1))
    asked = [facets.by_values(key) for key in keys]
    try:
        return aggregate(
            session, search, explorer.range.window, asked,
            seconds=min(_RESULT_SECONDS, _seconds_left(session)), until=rows[0].ts, first=first, retries=0,
        )  # fmt: skip
    except BoundedQueryError:
        return None


def _seconds_left(session: SearchSession) -> float:
    """Return how much longer fields may be counted; none where the organisation has had its turn."""
    return _FIELDS_BY - session.elapsed() if session.may_go_on() else 0
