"""The fields of what a search found, for the left rail: over all of it where a moment is enough, else of the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from logs.explorer import facets
from logs.explorer.facets import KeySeen
from logs.explorer.state import ExplorerState
from logs.search.aggregation.groups import Aggregate
from logs.search.aggregation.run import aggregate
from logs.search.page import Page, Search, newest_page
from logs.search.rows import LogRow
from logs.search.session import SearchSession
from pulseops.core.db.statement_timeout import BoundedQueryError

FACET_ROWS = 1_000  # whose fields are counted
_FACET_SECONDS = 0.15  # to read these
_FIELDS_BY = 0.1  # seconds since the search began: a slow one has its fields counted in fewer logs, not later
_LEAST_SECONDS = 0.01  # below which nothing more is begun
_RESULT_SECONDS = 0.05  # to count the fields of more logs than these, first those with few values
_FEW_LOGS = 20_000  # in which those of ids and numbers are counted as well, which no summary of a block has


def fields_of_result(
    session: SearchSession, search: Search, explorer: ExplorerState, page: Page, total: int | None
) -> tuple[list[KeySeen], int]:
    """Return the fields of what was found, and of how many of the newest logs they are; 0 for all of them.

    Of the rows that were read, or of more where a moment is enough to count these.
    """
    rows, is_whole = _rows_of_facets(session, search, explorer, page)
    values = facets.values_by_key(rows)
    if is_whole or len(rows) == total:
        return facets.keys_of_rows(explorer, values), 0
    if not values or _seconds_left(session) < _LEAST_SECONDS:
        return facets.keys_of_rows(explorer, values), len(rows)
    few = [key for key, each in values.items() if facets.has_few(each)]
    counted = _aggregates(session, search, explorer, few, rows) if few else None
    if not counted or counted[0].logs <= len(rows):
        return facets.keys_of_rows(explorer, values), len(rows)
    by_key, is_complete, logs = dict(zip(few, counted, strict=True)), counted[0].is_complete, counted[0].logs
    varied = [key for key in values if key not in by_key]
    if varied and is_complete and logs <= _FEW_LOGS and _seconds_left(session) >= _LEAST_SECONDS:
        others = _aggregates(session, search, explorer, varied, rows)
        if others and others[0].is_complete:
            by_key |= zip(varied, others, strict=True)
    rest = facets.keys_of_rows(explorer, {key: each for key, each in values.items() if key not in by_key})
    keys = facets.keys_of_result(explorer, by_key) + [replace(key, newest=len(rows)) for key in rest]
    return keys, 0 if is_complete else logs


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


def _rows_of_facets(
    session: SearchSession, search: Search, explorer: ExplorerState, page: Page
) -> tuple[Sequence[LogRow], bool]:
    """Return the rows whose fields are counted, and whether they are all that there are: else the newest.

    As many as a moment allows.
    """
    left = _seconds_left(session)
    if explorer.node is None or is_all(page, explorer) or page.searched_to or left < _LEAST_SECONDS:
        return page.rows, is_all(page, explorer)
    rows = page.rows if explorer.before is None else ()
    more = newest_page(
        session,
        search,
        explorer.range.window,
        now=explorer.now,
        seconds=min(_FACET_SECONDS, left),
        before=page.after if rows else None,
        limit=FACET_ROWS - len(rows),
    )
    return [*rows, *more.rows], more.after is None and more.searched_to is None


def _seconds_left(session: SearchSession) -> float:
    """Return how much longer fields may be counted; none where the organisation has had its turn."""
    return _FIELDS_BY - session.elapsed() if session.may_go_on() else 0
