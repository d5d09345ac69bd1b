"""Help for whoever finds nothing: when its services last logged, the nearest match, what each filter costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from logs import queries, ranges
from logs.forms import Explorer
from logs.search.edit import without_term
from logs.search.page import Search, newest_page, prepare
from logs.search.printer import print_query
from logs.search.session import SearchSession
from logs.search.slices import Window
from logs.search.tree import terms

_FIRST = timedelta(hours=1)  # that is searched for the nearest match
_MOST_TERMS, _MOST_COUNTED = 6, 1_000
_SECONDS_EACH = 0.1
AROUND = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Cost:
    """How many logs there would be without one term; `count` None when that took too long to tell."""

    term: str
    count: int | None
    url: str

    @property
    def is_most(self) -> bool:
        """Whether there are at least that many."""
        return self.count == _MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Help:
    """`last_logged_at` is of the services and environments asked for; `nearest_at` of a match outside the range."""

    has_logs: bool
    last_logged_at: datetime | None = None
    last_url: str = ""
    nearest_at: datetime | None = None
    nearest_url: str = ""
    costs: Sequence[Cost] = ()


def help_for(session: SearchSession, search: Search, explorer: Explorer) -> Help:
    """Find out, within a few tenths of a second."""
    oldest = queries.oldest_at(session, search.org_id)
    if oldest is None:
        return Help(has_logs=False)
    scopes = [(s.service_id, s.environment_id) for s in search.scopes.all if search.split.columns.holds(s)]
    last = queries.last_logged_at(session, search.org_id, scopes[:16], before=explorer.range.window.end)
    nearest = _nearest(session, search, explorer, oldest)
    return Help(
        has_logs=True,
        last_logged_at=last,
        last_url=_around(explorer, last),
        nearest_at=nearest,
        nearest_url=_around(explorer, nearest),
        costs=_costs(session, search, explorer),
    )


def _nearest(session: SearchSession, search: Search, explorer: Explorer, oldest: datetime) -> datetime | None:
    """Return the newest match before the range, else the newest after it; `oldest` is the time of the first log."""
    window = explorer.range.window
    outside = [Window(oldest, window.start)] if oldest < window.start else []
    if not explorer.range.is_open:
        outside.append(Window(window.end, max(explorer.now + ranges.AHEAD, window.end)))
    for each in outside:
        found = newest_page(session, search, each, now=explorer.now, seconds=_SECONDS_EACH * 3, first=_FIRST, limit=1)
        if found.rows:
            return found.rows[0].ts
    return None


def _costs(session: SearchSession, search: Search, explorer: Explorer) -> list[Cost]:
    found = terms(search.node)
    costs = []
    for term in found[:_MOST_TERMS] if len(found) > 1 else ():
        node = without_term(search.node, term)
        without = prepare(search.org_id, node, search.scopes)
        count = queries.matches_up_to(
            session, without, explorer.range.window, most=_MOST_COUNTED, seconds=_SECONDS_EACH
        )
        costs.append(Cost(print_query(term), count, explorer.with_query(node)))
    return costs


def _around(explorer: Explorer, moment: datetime | None) -> str:
    if moment is None:
        return ""
    return explorer.url(since=ranges.written(moment - AROUND), to=ranges.written(moment + AROUND))
