"""The API keys of a service: make, set up, change, rotate, revoke.

A new key is shown once. It travels from the answer that made it to the page that shows it in a cookie, which only that
page is sent and which it takes back; no table, address or log ever holds it.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.quotas import QuotaError
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_developer, org_member
from pulseops.core.extensions import KEY_NOTICES
from pulseops.core.web.one_time_cookie import redirect_to_show
from services import key_actions
from services.key_forms import KeyForm, NewKeyForm, RotateForm
from services.keys import hash_key
from services.links import explorer_url
from services.models import ApiKey
from services.snippets import PLACEHOLDER, filled_groups
from services.views.lookups import find_key, find_service, gone_is_404, posted, require_form

FRESH_KEY_COOKIE = "fresh_api_key"
FRESH_KEY_SECONDS = 120


@require_form
@org_developer
@reauthenticated
@gone_is_404
def key_create(request: OrgRequest, service_id: UUID) -> HttpResponse:
    """Create a key; `?environment=<id>` chooses that one beforehand."""
    service = find_service(request, service_id)
    initial = {"environment": request.GET.get("environment")}
    form = NewKeyForm(posted(request), service=service, initial=initial)
    if form.is_valid():
        try:
            return show_once(key_actions.create_key(actor=request.user, **form.cleaned_data))
        except QuotaError as error:
            form.add_error(None, error)
    return render(request, "services/key_form.html", {"form": form, "service": service})


@require_form
@org_developer
@reauthenticated
@gone_is_404
def key_edit(request: OrgRequest, service_id: UUID, key_id: UUID) -> HttpResponse:
    """Change a key's label and rate."""
    key = find_key(request, service_id, key_id)
    form = KeyForm(posted(request), key=key)
    if form.is_valid():
        key = key_actions.update_key(actor=request.user, key=key, **form.cleaned_data)
        messages.success(request, f"The key {key} is saved.")
        return redirect("services:detail", service_id)
    return render(request, "services/key_form.html", {"form": form, "service": key.service, "key": key})


@require_form
@org_developer
@reauthenticated
@gone_is_404
def key_rotate(request: OrgRequest, service_id: UUID, key_id: UUID) -> HttpResponse:
    """Create a key in place of another, which works a while longer."""
    key = find_key(request, service_id, key_id)
    form = RotateForm(posted(request))
    if form.is_valid():
        try:
            return show_once(key_actions.rotate_key(actor=request.user, key=key, **form.cleaned_data))
        except key_actions.KeyRevokedError:
            form.add_error(None, "This key is revoked; create a new one instead.")
        except QuotaError as error:
            form.add_error(None, error)
    return render(request, "services/key_rotate.html", {"form": form, "service": key.service, "key": key})


@require_POST
@org_developer
@reauthenticated
@gone_is_404
def key_revoke(request: OrgRequest, service_id: UUID, key_id: UUID) -> HttpResponse:
    """End a key at once."""
    key = find_key(request, service_id, key_id)
    if key_actions.revoke_key(actor=request.user, key=key):
        messages.success(request, f"The key {key} is revoked.")
    else:
        messages.info(request, f"The key {key} was revoked before.")
    return redirect("services:detail", service_id)


@require_safe
@never_cache
@org_member
def key_setup(request: OrgRequest, service_id: UUID, key_id: UUID) -> HttpResponse:
    """Show how to send with a key, the key itself if it was made a moment ago, and whether its first log is here."""
    key = find_key(request, service_id, key_id)
    plain = _fresh_key(request, key)
    values = {
        **_arrival(key),
        "service": key.service,
        "plain": plain,
        "placeholder": PLACEHOLDER,
        "groups": filled_groups(plain or PLACEHOLDER),
    }
    response = render(request, "services/key_setup.html", values)
    response.delete_cookie(FRESH_KEY_COOKIE, path=request.path, samesite="Strict")
    return response


@require_safe
@never_cache
@org_member
def key_arrival(request: OrgRequest, service_id: UUID, key_id: UUID) -> HttpResponse:
    """Give the part of the set-up page that waits for the first log; 204 while there is nothing new to say."""
    key = find_key(request, service_id, key_id)
    values = _arrival(key)
    if key.last_used_at is None and key.is_live() and not values["notice"]:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return render(request, "services/_arrival.html", values)


def _arrival(key: ApiKey) -> dict[str, object]:
    """What was refused is shown while the first log is waited for."""
    notices = (find(key) for find in KEY_NOTICES) if key.last_used_at is None else ()
    notice = next((each for each in notices if each), None)
    return {"key": key, "explorer_url": explorer_url(key.service, key.environment), "notice": notice}


def show_once(issued: key_actions.IssuedKey) -> HttpResponse:
    """Go on to the page that shows a key that was made just now, and how to send with it."""
    return redirect_to_show(
        reverse("services:key_setup", args=[issued.key.service_id, issued.key.pk]),
        cookie=FRESH_KEY_COOKIE,
        value=issued.plain,
        seconds=FRESH_KEY_SECONDS,
    )


def _fresh_key(request: HttpRequest, key: ApiKey) -> str:
    """Return the key that the cookie brought if it is this one, else ""."""
    plain = request.COOKIES.get(FRESH_KEY_COOKIE, "")
    return plain if hmac.compare_digest(hash_key(plain), key.key_hash) else ""
