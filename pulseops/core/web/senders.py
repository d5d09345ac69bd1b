"""Whose request it is, as far as earlier ones of the same sender have shown: the web server shares its threads by that.

The server sees a session's cookie or a key, and no organisation. So the thread that serves a request says by which mark
the request came (`serving`), and what finds out the organisation notes it (`belongs_to`). A mark that is not known yet
is as good as none: anyone can make one up. The first request of a session or a key, then, is counted as its address's
until its organisation is found; a download can go on for minutes after that, so the server hears of it at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

_MOST = 50_000  # marks; then it begins anew
_thread = threading.local()
_orgs: dict[int, int] = {}


def serving(mark: int, on_found: Callable[[int], None] = lambda party: None) -> None:
    """Note by which mark the request came that this thread serves from now on; 0 is none.

    `on_found` is called on this thread with the number that stands for the organisation, whenever that is found.
    """
    _thread.mark, _thread.on_found = mark, on_found


def belongs_to(org_id: UUID) -> None:
    """Note that the request that this thread serves is of this organisation."""
    mark = getattr(_thread, "mark", None)
    if mark is None:
        return
    party = hash(org_id)
    if mark:
        if len(_orgs) >= _MOST:
            _orgs.clear()
        _orgs[mark] = party
    _thread.on_found(party)


def org_of(mark: int) -> int | None:
    """Return a number that stands for the organisation of a mark, None if it is not known."""
    return _orgs.get(mark)
