"""What came in since a page was made, for a page that follows the logs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from accounts.models import Org
from logs.cursor import LogCursor
from logs.explorer.results import lister
from logs.explorer.rows import ShownRow
from logs.explorer.state import ExplorerState
from logs.explorer.time_range import AHEAD
from logs.search.page import newest_page, prepare
from logs.search.session import search_session
from logs.search.slices import Window
from logs.search.tree import Everything
from pulseops.core.ui import times
from services.scopes import scopes_of

MOST_AT_ONCE = 200
_LATE = timedelta(minutes=1)  # lines whose own time is that much behind the newest are still picked up
_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Followed:
    """New rows, newest first, some of which the page may have; `newest` is where the next look begins.

    `is_gap` says that there were more than a page can follow.
    """

    rows: list[ShownRow]
    newest: LogCursor
    is_gap: bool


def new_rows(org: Org, explorer: ExplorerState, after: LogCursor) -> Followed:
    """Return what matches and came in after `after`; late lines come again for a few seconds: the page knows them."""
    scopes = scopes_of(org)
    search = prepare(org.pk, explorer.node or Everything(), scopes)
    since = max(after.ts, explorer.now - timedelta(hours=1)) - _LATE
    window = Window(min(since, explorer.now), explorer.now + AHEAD)
    with search_session(org.pk) as session:
        page = newest_page(session, search, window, now=explorer.now, seconds=_SECONDS, after=after, limit=MOST_AT_ONCE)
    newest = max([after, *(row.address for row in page.rows)])
    rows = lister(replace(explorer, row=None), scopes).rows(page.rows, zone=times.zone_label())
    # A sender's clock that is ahead must not hide what others send meanwhile.
    return Followed(rows, min(newest, LogCursor(explorer.now, 0)), page.after is not None)
