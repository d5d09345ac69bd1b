"""Which organisation a request is about, and who may do what in it: the only place that decides either.

The middleware gives `request.org` and `request.membership` from the session's active organisation, and
`request.memberships`, all of the reader's. Views carry one of the guards below; a session is asked for before them, by
SignInRequiredMiddleware, of every view that is not marked `@public`. What comes out of a page (a form, htmx, a
script) is about the organisation of that page, even if another tab has switched to another since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from accounts.changes import refusal_of_change
from accounts.models import Membership, Org, Role, Session, User
from accounts.second_factor import SETUP, needs_second_factor
from accounts.sessions import ACTIVE_ORG, session_end
from pulseops.core.db.row_security import Scope, stream_within_wall, within_wall
from pulseops.core.web import senders
from pulseops.core.web.timezones import ReaderZone

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
_SEEN_AGAIN = timedelta(minutes=1)
_LONGEST_WAY_BACK = 12_000  # characters; Django redirects to no address of more than 16,384
PAGE_ORG = "page_org"  # the field that {% csrf_token %} puts into every form of a member's page
_PAGE_ORG_HEADER = "X-Page-Org"  # the same from htmx and scripts


class OrgRequest(HttpRequest):
    """A request after all middleware and a guard: someone is signed in and has an organisation."""

    user: User
    org: Org
    membership: Membership
    memberships: list[Membership]
    zone: ReaderZone


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Send a user who is signed out to the sign-in page, and from there back to the page that they were on."""

    def handle_no_permission(  # type: ignore[override]  # a 204 for htmx is no HttpResponseRedirect
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponse:
        back = current_page(request)
        back = back if len(quote(back)) <= _LONGEST_WAY_BACK else ""
        url = resolve_url(self.get_login_url(view_func))
        return go_to(request, redirect_to_login(back, url).url if back else url)


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Send the browser to `url`: the whole page, even when htmx asked for a part of one."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def current_page(request: HttpRequest) -> str:
    """Return the path of the page that the reader sees: what they asked for, or where a form or htmx asked from."""
    is_htmx = request.headers.get("HX-Request") == "true"
    if request.method in {"GET", "HEAD"} and not is_htmx:
        return request.get_full_path()
    page = request.headers.get("HX-Current-URL" if is_htmx else "Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(page)
    return parts.path + (f"?{parts.query}" if parts.query else "")


class TenancyMiddleware:
    """Find the active organisation; `?org=<id>` on a link switches to it if the reader is a member."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _enter(request, _memberships_read(request))
        asked = _requested_org(request)
        if asked is not None and request.method == "GET":
            activate(request, asked.org)
            return HttpResponseRedirect(_without_org(request))
        return _keep_private(request, self.get_response(request))

    def process_view(self, request: Any, *_: Any) -> HttpResponse | None:
        """Refuse what is one change too many of a person and day."""
        return refusal_of_change(request) if request.user.is_authenticated else None


def _keep_private(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let no browser or proxy keep a page of someone signed in, unless its view says how long it may be kept."""
    if request.user.is_authenticated and not response.has_header("Cache-Control"):
        patch_cache_control(response, private=True, no_store=True)
    return response


def enter(request: Any) -> None:
    """Set `request.memberships`, `.membership` and `.org` anew, for a user who has just signed in or joined."""
    _enter(request, _memberships_of(request.user) if request.user.is_authenticated else [])


def _enter(request: Any, memberships: list[Membership]) -> None:
    request.memberships = memberships
    _use(request, _active(memberships, request.session.get(ACTIVE_ORG)))
    if request.user.is_authenticated:
        _note_seen(request)


def _memberships_read(request: Any) -> list[Membership]:
    """Return the reader's memberships, which came with the session."""
    if not request.user.is_authenticated:
        return []
    row: Session | None = request.session.row
    is_theirs = row is not None and row.user_id == request.user.pk
    return list(request.session.memberships) if is_theirs else _memberships_of(request.user)


def _memberships_of(user: User) -> list[Membership]:
    return list(Membership.objects.filter(user=user).select_related("org").order_by("created_at", "org_id"))


def activate(request: Any, org: Org) -> None:
    """Make `org` the session's active organisation; the caller has checked that the reader is a member."""
    request.session[ACTIVE_ORG] = str(org.pk)
    _use(request, _active(request.memberships, str(org.pk)))


def _use(request: Any, membership: Membership | None) -> None:
    request.membership = membership
    request.org = membership.org if membership else None
    if membership:
        senders.belongs_to(membership.org_id)


def _active(memberships: Iterable[Membership], org_id: str | None) -> Membership | None:
    memberships = list(memberships)
    chosen = next((m for m in memberships if str(m.org_id) == org_id), None)
    return chosen or (memberships[0] if memberships else None)


def _note_seen(request: Any) -> None:
    row: Session | None = request.session.row
    now = timezone.now()
    if row and (row.last_seen_at is None or row.last_seen_at < now - _SEEN_AGAIN):
        Session.objects.filter(pk=row.pk).update(last_seen_at=now, expires_at=session_end(row.created_at, now))


def _requested_org(request: Any) -> Membership | None:
    try:
        asked = UUID(request.GET.get("org", ""))
    except ValueError:
        return None
    return next((m for m in request.memberships if m.org_id == asked), None)


def _without_org(request: HttpRequest) -> str:
    query = request.GET.copy()
    del query["org"]
    # A path of two slashes would be read as the name of another host.
    return escape_leading_slashes(request.path) + (f"?{query.urlencode()}" if query else "")


def public(view: View) -> View:
    """Mark a view that asks for no session. The routes that may carry it are listed in tests/test_urlconf.py."""
    return login_not_required(view)


def _guard(needed: Role) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            _stand_by_the_page(request)
            if request.membership is None:
                return go_to(request, resolve_url("accounts:orgs"))
            if request.org.suspended_at:
                return render(request, "accounts/suspended.html", status=403)
            if needs_second_factor(request):
                return go_to(request, resolve_url(SETUP))
            if not Role(request.membership.role).includes(needed):
                raise PermissionDenied(f"This needs the role {needed.label.lower()}. An admin can change your role.")
            scope = Scope(request.membership.org_id, request.membership.user_id)
            with within_wall(scope):
                response = view(request, *args, **kwargs)
            if response.streaming:
                response.streaming_content = stream_within_wall(scope, response.streaming_content)  # type: ignore[attr-defined]
            return response

        guarded.required_role = needed  # type: ignore[attr-defined]  # the URLconf walk reads it
        return guarded  # type: ignore[return-value]

    return decorate


def _stand_by_the_page(request: Any) -> None:
    """Let the request be about the organisation whose page it comes from; a form makes it the active one again.

    Called by the guards, so that Django has checked the form's token before.
    """
    said = request.headers.get(_PAGE_ORG_HEADER) or request.POST.get(PAGE_ORG)
    if not said or (request.org and said == str(request.org.pk)):
        return
    of_page = next((m for m in request.memberships if str(m.org_id) == said), None)
    if of_page is None:
        raise PermissionDenied("That page is of an organisation that you are not a member of. Nothing was changed.")
    if request.method == "POST" and _PAGE_ORG_HEADER not in request.headers:
        activate(request, of_page.org)
    else:
        _use(request, of_page)


org_member = _guard(Role.VIEWER)
org_developer = _guard(Role.DEVELOPER)
org_admin = _guard(Role.ADMIN)
