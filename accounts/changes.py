"""How much one person may change in a day: each form that is sent writes rows, of which audit rows stay for a year.

Counted in the organisation that is open, so that none of its members can use up what the others may.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import usage
from accounts.quotas import Quota, register_limit
from accounts.refused import note_refused

_SETTING = "CHANGES_PER_DAY"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_ALWAYS = frozenset({"account_logout", "accounts:end_session", "accounts:end_other_sessions"})  # they only take away


def refusal_of_change(request: Any) -> HttpResponse | None:
    """Count what a signed-in person sends; returns the 429 for what is beyond CHANGES_PER_DAY."""
    if request.method in _SAFE or request.org is None or _view_name(request) in _ALWAYS:
        return None
    kind, limit = f"changes:{request.user.pk.hex}", settings.CHANGES_PER_DAY
    if not limit or usage.spend(request.org.pk, kind, limit=limit, period=usage.DAY) is not None:
        return None
    note_refused(request.org.pk, _SETTING)
    response = render(request, "accounts/too_many_changes.html", {"limit": limit, "setting": _SETTING}, status=429)
    response["Retry-After"] = str(usage.seconds_left(usage.DAY))
    return response


def _view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


register_limit(Quota(_SETTING, "forms that are sent", period="a day", owner="A person"))
