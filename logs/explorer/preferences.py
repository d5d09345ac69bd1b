"""How a reader last chose to see logs: range, columns and their order, density. An address says otherwise for itself.

Kept with the account: the page's links post what they change (static/js/explorer.js), without a script a button does.
Until then browsers kept it in a cookie, which is taken over once.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict

from accounts.models import User
from logs.explorer.state import DEFAULTS, ExplorerState
from logs.explorer.time_range import is_relative

FORMER_COOKIE = "log_view"
_LONGEST = 1_000  # characters
_SAYS_WHEN = ("from", "to", "at", "before", "row")


def state_for(user: User, request: HttpRequest, given: QueryDict) -> ExplorerState:
    """Return what an address asks for by the parameters `given`, and of what it does not name the reader's choice."""
    kept = _kept_by(user)
    if FORMER_COOKIE in request.COOKIES and not kept:
        kept = keep(user, _in_cookie(request.COOKIES[FORMER_COOKIE]))
    asked = given.copy()
    for name, value in kept.items():
        is_said = any(each in asked for each in _SAYS_WHEN) if name == "from" else name in asked
        if not is_said:
            asked[name] = value
    return ExplorerState.read(asked, chosen=kept)


def keep(user: User, given: Mapping[str, str]) -> dict[str, str]:
    """Keep what `given` says of the page for the next visit, and return all that is kept then; as usual is nothing."""
    said = {name: given[name] for name in DEFAULTS if name in given}
    user.keep_preferences({f"logs.{name}": _worth_keeping(name, value) for name, value in said.items()})
    return _kept_by(user)


def _kept_by(user: User) -> dict[str, str]:
    kept = {name: _worth_keeping(name, user.preference(f"logs.{name}")) for name in DEFAULTS}
    return {name: value for name, value in kept.items() if value}


def _worth_keeping(name: str, value: str) -> str:
    if len(value) > _LONGEST or "\0" in value or value == DEFAULTS[name]:
        return ""
    if name == "from" and not is_relative(value):
        return ""  # a moment passes; only "the last hour" stays a choice
    return value


def _in_cookie(cookie: str) -> dict[str, str]:
    if len(cookie) > _LONGEST:
        return {}
    try:
        said = QueryDict(unquote(cookie))
    except (SuspiciousOperation, ValueError):
        return {}
    return {name: said[name] for name in DEFAULTS if name in said}
