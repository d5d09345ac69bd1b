"""Who may open the Django admin: a superuser who has shown a password or a second factor within the last minutes.

A session lasts for days, and an open one must not be enough to set other people's passwords.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts.second_factor import SETUP, has_second_factor, superuser_needs_factor

_SUPERUSERS = "This is for those who run the installation: its operator can name you one by manage.py createsuperuser."


def may_open_admin(request: HttpRequest) -> bool:
    """Return whether the reader is an active superuser whose last proof is younger than ADMIN_PROOF_MINUTES."""
    user: Any = request.user
    return bool(user.is_active and user.is_staff and _is_proved(request) and not _lacks_factor(request))


@login_not_required
def admin_sign_in(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Send the reader to what is missing: signing in, or a password or code once more. Raises PermissionDenied."""
    user: Any = request.user
    target = _target(request)
    if not user.is_authenticated:
        return _redirect(resolve_url(settings.LOGIN_URL), target)
    if not (user.is_staff and user.is_active):
        raise PermissionDenied(_SUPERUSERS)
    if _lacks_factor(request):
        return HttpResponseRedirect(reverse(SETUP))
    if _is_proved(request):
        return HttpResponseRedirect(target)
    methods = get_adapter().get_reauthentication_methods(user)
    if not methods:
        raise PermissionDenied("Sign out and in again to open the admin.")
    return _redirect(methods[0]["url"], target)


def _is_proved(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    age = time.time() - records[-1]["at"] if records else None
    return age is not None and age < settings.ADMIN_PROOF_MINUTES * 60


def _lacks_factor(request: HttpRequest) -> bool:
    return superuser_needs_factor(request) and not has_second_factor(request)


def _target(request: HttpRequest) -> str:
    """Return where the reader wanted to go: a page of the admin, or its first one."""
    asked = request.GET.get(REDIRECT_FIELD_NAME, "")
    is_ours = asked.startswith(reverse("admin:index")) and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours and not asked.startswith(reverse("admin:login")) else reverse("admin:index")


def _redirect(path: str, target: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{path}?{urlencode({REDIRECT_FIELD_NAME: target})}")
