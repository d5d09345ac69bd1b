"""Which organisation a request is about, and who may do what in it: the only place that decides either.

The middleware gives `request.org` and `request.membership` from the session's active organisation, and
`request.memberships`, all of the reader's. Views carry one of the guards below; a session is asked for before them, by
Django's LoginRequiredMiddleware, of every view that is not marked `@public`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import Membership, Org, Role, Session, User
from accounts.sessions import ACTIVE_ORG

View = TypeVar("View", bound=Callable[..., HttpResponse])
_SEEN_AGAIN = timedelta(minutes=1)


class OrgRequest(HttpRequest):
    """A request after TenancyMiddleware and a guard: somebody is signed in and has an organisation."""

    user: User
    org: Org
    membership: Membership
    memberships: list[Membership]


class TenancyMiddleware:
    """Find the active organisation; `?org=<id>` on a link switches to it if the reader is a member."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        enter(request)
        asked = _requested_org(request)
        if asked is not None and request.method == "GET":
            activate(request, asked.org)
            return HttpResponseRedirect(_without_org(request))
        return self.get_response(request)


def enter(request: Any) -> None:
    """Set `request.memberships`, `.membership` and `.org`; one query for somebody signed in, none otherwise."""
    request.memberships, request.membership, request.org = [], None, None
    if not request.user.is_authenticated:
        return
    found = Membership.objects.filter(user=request.user).select_related("org").order_by("created_at", "org_id")
    request.memberships = list(found)
    _use(request, _active(request.memberships, request.session.get(ACTIVE_ORG)))
    _note_seen(request)


def activate(request: Any, org: Org) -> None:
    """Make `org` the session's active organisation; the caller has checked that the reader is a member."""
    request.session[ACTIVE_ORG] = str(org.pk)
    _use(request, _active(request.memberships, str(org.pk)))


def _use(request: Any, membership: Membership | None) -> None:
    request.membership = membership
    request.org = membership.org if membership else None


def _active(memberships: Iterable[Membership], org_id: str | None) -> Membership | None:
    memberships = list(memberships)
    chosen = next((m for m in memberships if str(m.org_id) == org_id), None)
    return chosen or (memberships[0] if memberships else None)


def _note_seen(request: Any) -> None:
    row: Session | None = request.session.row
    now = timezone.now()
    if row and (row.last_seen_at is None or row.last_seen_at < now - _SEEN_AGAIN):
        Session.objects.filter(pk=row.pk).update(last_seen_at=now)


def _requested_org(request: Any) -> Membership | None:
    try:
        asked = UUID(request.GET.get("org", ""))
    except ValueError:
        return None
    return next((m for m in request.memberships if m.org_id == asked), None)


def _without_org(request: HttpRequest) -> str:
    query = request.GET.copy()
    del query["org"]
    return request.path + (f"?{query.urlencode()}" if query else "")


def public(view: View) -> View:
    """Mark a view that asks for no session. The routes that may carry it are listed in tests/test_urlconf.py."""
    return login_not_required(view)


def _guard(needed: Role) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.membership is None:
                return redirect("accounts:orgs")
            if not Role(request.membership.role).includes(needed):
                raise PermissionDenied(f"This needs the role {needed.label.lower()}.")
            return view(request, *args, **kwargs)

        guarded.required_role = needed  # type: ignore[attr-defined]  # the URLconf walk reads it
        return guarded  # type: ignore[return-value]

    return decorate


org_member = _guard(Role.VIEWER)
org_developer = _guard(Role.DEVELOPER)
org_admin = _guard(Role.ADMIN)
