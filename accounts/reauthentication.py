"""Asking a user once more who they are, before what someone at their open browser must not do.

Proof is having signed in, or given a password or a code again, within REAUTHENTICATION_MINUTES. A form that is sent
later is kept, encrypted, in the session while the user proves it, and is then done as it was sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.utils import get_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.http import urlencode

from accounts.models import Session
from accounts.tenancy import current_page, go_to
from pulseops.core.config.encryption import UnreadableSecretError, decrypt, encrypt

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
_PURPOSE = "kept forms"
_LONGEST_FORM = 100_000  # characters, encoded
_KEPT_SECONDS = 10 * 60


def reauthenticated(view: View) -> View:
    """Let a view take a form only from a user who has proved lately who they are. Stands below the role's guard."""

    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in {"GET", "HEAD"} or has_proved_lately(request):
            return view(request, *args, **kwargs)
        methods = get_adapter().get_reauthentication_methods(request.user)
        if not methods:  # signs in by a provider alone, which has no form of ours to give a password to
            return view(request, *args, **kwargs)
        target = current_page(request) if _is_htmx(request) else _keep_form(request)
        return go_to(request, f"{methods[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: target})}")

    return guarded  # type: ignore[return-value]


def has_proved_lately(request: Any) -> bool:
    """Return whether the user signed in, or proved again who they are, within REAUTHENTICATION_MINUTES."""
    row: Session | None = request.session.row
    records = get_authentication_records(request, request.user)
    moments = [row.created_at.timestamp()] if row else []
    moments += [records[-1]["at"]] if records else []
    now = timezone.now().timestamp()
    return bool(moments) and now - max(moments) < settings.REAUTHENTICATION_MINUTES * 60


def resume_form(request: Any, state: dict[str, Any]) -> HttpResponseBase:
    """Do what was sent before the proof, if that is what the proof was for; called by allauth after it."""
    target = get_next_redirect_url(request, REDIRECT_FIELD_NAME) or "/"
    path = urlsplit(target).path
    try:
        match = resolve(path)
        form = decrypt(_PURPOSE, str(state["form"]))
    except (Resolver404, UnreadableSecretError, KeyError):
        return HttpResponseRedirect(target)
    if state.get("path") != target or time.time() - float(state["at"]) > _KEPT_SECONDS:
        return HttpResponseRedirect(target)
    request.path = request.path_info = path
    request.GET, request.POST = QueryDict(urlsplit(target).query), QueryDict(form)
    request._files = MultiValueDict()
    request.resolver_match = match
    answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return answer


def _keep_form(request: Any) -> str:
    """Keep what was posted until the proof is given; returns where the proof leads."""
    target: str = request.get_full_path()
    form = request.POST.urlencode()
    if len(form) > _LONGEST_FORM:
        messages.warning(request, "What you sent is too long to be kept while you sign in; send it once more.")
        return current_page(request)
    state = {"path": target, "form": encrypt(_PURPOSE, form), "at": time.time()}
    request.session[STATE_SESSION_KEY] = {"state": state, "callback": "accounts.reauthentication.resume_form"}
    return target


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
