"""Whose request it is, as far as earlier ones of the same sender have shown: the web server shares its threads by that.

The server sees a session's cookie or a key, and no organisation. So the thread that serves a request says by which mark
the request came (`serving`), and what finds out the organisation notes it (`belongs_to`). A mark that is not known yet
is as good as none: anyone can make one up.
"""

from __future__ import annotations

import threading
from uuid import UUID

_MOST = 50_000  # marks; then it begins anew
_thread = threading.local()
_orgs: dict[int, int] = {}


def serving(mark: int) -> None:
    """Note by which mark the request came that this thread serves from now on."""
    _thread.mark = mark


def belongs_to(org_id: UUID) -> None:
    """Note that the request that this thread serves is of this organisation."""
    mark = getattr(_thread, "mark", 0)
    if not mark:
        return
    if len(_orgs) >= _MOST:
        _orgs.clear()
    _orgs[mark] = hash(org_id)


def org_of(mark: int) -> int | None:
    """Return a number that stands for the organisation of a mark, None if it is not known."""
    return _orgs.get(mark)
