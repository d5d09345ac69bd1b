"""How a reader last chose to see logs: the range, the columns, how dense. An address says otherwise for itself.

Kept in a cookie of the browser, which the page's links write (static/js/explorer.js); it says nothing secret.
"""

from __future__ import annotations

from urllib.parse import unquote

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict

COOKIE = "log_view"
KEPT = ("from", "cols", "wrap", "density")
_LONGEST = 1_000  # characters
_SAYS_WHEN = ("from", "to", "at", "before", "row")


def with_preferences(request: HttpRequest) -> QueryDict:
    """Return what the address asks for, and of what it does not name the reader's last choice."""
    kept = _kept(request.COOKIES.get(COOKIE, ""))
    asked = request.GET.copy()
    for name in KEPT:
        is_said = any(each in asked for each in _SAYS_WHEN) if name == "from" else name in asked
        if name in kept and not is_said:
            asked[name] = kept[name]
    return asked


def _kept(cookie: str) -> dict[str, str]:
    if len(cookie) > _LONGEST:
        return {}
    try:
        said = QueryDict(unquote(cookie))
    except (SuspiciousOperation, ValueError):
        return {}
    kept = {name: said[name] for name in KEPT if said.get(name)}
    if not kept.get("from", "-").startswith("-"):
        del kept["from"]  # a moment passes; only "the last hour" stays a choice
    return kept
