"""The log explorer: its page, one log, what comes in meanwhile, the export, saved views."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    QueryDict,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from accounts.audit.record import record
from accounts.quotas import QuotaError
from accounts.tenancy import OrgRequest, org_member
from accounts.usage import DAY, seconds_left
from logs.cursor import LogCursor
from logs.explorer import actions, preferences
from logs.explorer.choices import changed_url, with_changes
from logs.explorer.detail import CONTEXT_ROWS, Drawer, drawer_for, raw_json
from logs.explorer.export import MEDIA_TYPES
from logs.explorer.export import export as stream
from logs.explorer.forms import SavedViewForm
from logs.explorer.live_tail import new_rows
from logs.explorer.no_results import AROUND
from logs.explorer.packed import PAGE, with_page
from logs.explorer.results import ExplorerResults, explore, lister
from logs.explorer.saved_views import VIEW, offered_views, view_at, view_url
from logs.explorer.state import LONGEST_LINK, ExplorerState
from logs.explorer.toolbar import Controls
from logs.models import SavedView
from logs.quotas import spend_export
from logs.search.page import prepare
from logs.search.printer import print_query
from logs.search.queries import neighbours
from logs.search.session import search_session
from pulseops.core.db.statement_timeout import BoundedQueryError, QueryFailedError
from pulseops.core.ui.times import to_url
from pulseops.core.web.downloads import DownloadsBusyError, DownloadSlot, busy, download
from pulseops.core.web.preferences import safe_next
from services.queries import least_retention
from services.scopes import Scopes, scopes_of

_LEAST_MARGIN = timedelta(milliseconds=50)  # beside the first and last of a trace
_VIEWS_IN_MENU, _VIEWS_IN_ALL, _VIEWS_ON_PAGE = 12, 1_000, 75


@org_member
@require_safe
def explorer(request: OrgRequest) -> HttpResponse:
    """Show the explorer; asked by htmx for the drawer alone, that. A change of its query leads to its new address."""
    if VIEW in request.GET:
        return redirect(view_at(request.org, request.user, request.GET.get(VIEW, "")) or reverse("logs:explorer"))
    given = with_page(request.GET)
    asked = preferences.state_for(request.user, request, given)
    scopes = scopes_of(request.org)
    if changed := changed_url(request.org, asked, scopes, given) or (asked.url() if PAGE in request.GET else ""):
        return redirect(changed)
    values: dict[str, Any] = {
        "explorer": asked,
        "drawer": _drawer(request, asked, scopes),
        "controls": Controls(asked, request.zone),
    }
    if _htmx_target(request) == "drawer":
        response = render(request, "logs/_drawer.html", values)
    else:
        asked, values["found"] = _explored(request, asked, scopes)
        values |= {"explorer": asked, "controls": Controls(asked, request.zone)}
        if request.GET.get("fit") and (fitted := _fitted(asked, values["found"])):
            return redirect(fitted)
        views = offered_views(request.org, request.user, request.membership, most=_VIEWS_IN_MENU + 1)
        values |= {"views": views[:_VIEWS_IN_MENU], "has_more_views": len(views) > _VIEWS_IN_MENU}
        response = render(request, "logs/explorer.html", values)
        if request.headers.get("HX-Boosted") and asked.mistake is None:
            response["HX-Push-Url"] = asked.whole_url()  # without `good`, and written as all links are
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    if preferences.FORMER_COOKIE in request.COOKIES:
        response.delete_cookie(preferences.FORMER_COOKIE)
    return response


@org_member
@require_POST
def keep_preferences(request: OrgRequest) -> HttpResponse:
    """Keep what is posted of range, columns, wrapping and density for the reader's next visit."""
    preferences.keep(request.user, request.POST)
    return redirect(safe_next(request, reverse("logs:explorer")))


def _explored(request: OrgRequest, asked: ExplorerState, scopes: Scopes) -> tuple[ExplorerState, ExplorerResults]:
    """Return what was found, and the page that shows it: one without rows where the database cannot run the search."""
    try:
        return asked, explore(request.org, asked, scopes)
    except QueryFailedError as error:
        refused = asked.refused(error.reason)
        return refused, explore(request.org, refused, scopes)


def _fitted(asked: ExplorerState, results: ExplorerResults) -> str:
    """Return the page with its range fitted to all that was found; empty where that is not known."""
    rows = results.page.rows
    if not rows or results.page.after or results.page.searched_to:
        return ""
    first, last = min(row.ts for row in rows), max(row.ts for row in rows)
    margin = max((last - first) / 20, _LEAST_MARGIN)
    return asked.url(since=to_url(first - margin), to=to_url(last + margin))


@org_member
@require_safe
def entry(request: OrgRequest, address: str) -> HttpResponse:
    """Show one log on a page of its own, with its neighbours; 404 for what the organisation does not have."""
    place = LogCursor.read(address)
    if place is None:
        raise Http404
    asked = ExplorerState.read(_near(place, request.GET))
    scopes = scopes_of(request.org)
    with search_session(request.org.pk) as session:
        drawer = drawer_for(session, request.org, asked, scopes, place)
        if drawer is None:
            return _gone(request, place)
        after, before = neighbours(session, drawer.log.row, request.org.pk, count=CONTEXT_ROWS)
    list_ = replace(lister(asked, scopes), opened=address)
    values = {
        "explorer": asked,
        "drawer": drawer,
        "rows": list_.rows([*after, drawer.log.row, *before]),
        "today": list_.today,
        "controls": Controls(asked, request.zone),
    }
    return render(request, "logs/entry.html", values)


def _gone(request: OrgRequest, place: LogCursor) -> HttpResponse:
    """Answer 404, and say where retention may be why: services of the organisation keep logs no longer than so."""
    days = least_retention(request.org)
    if days is None or place.ts > timezone.now() - timedelta(days=days):
        raise Http404
    return render(request, "logs/gone.html", {"at": place.ts, "days": days}, status=404)


@org_member
@require_safe
def raw(request: OrgRequest, address: str) -> HttpResponse:
    """Answer with all of one log as JSON: its page shows the beginning of what is long."""
    place = LogCursor.read(address)
    if place is None:
        raise Http404
    with search_session(request.org.pk) as session:
        text = raw_json(session, request.org, scopes_of(request.org), place)
    if text is None:
        raise Http404
    return HttpResponse(text, content_type="application/json", headers={"Cache-Control": "no-store"})


@org_member
@require_safe
def live(request: OrgRequest) -> HttpResponse:
    """Answer with the rows that came in after the address `after`; the header tells where to go on."""
    after = LogCursor.read(request.GET.get("after", ""))
    if after is None:
        return HttpResponseBadRequest("after is the address of a log", content_type="text/plain")
    asked = ExplorerState.read(request.GET)
    try:
        followed = new_rows(request.org, asked, after)
    except QueryFailedError as error:
        return HttpResponse(f"This cannot be searched: {error.reason}", status=422, content_type="text/plain")
    values = {"explorer": asked, "rows": followed.rows}
    response = render(request, "logs/_live.html", values)
    response["X-Logs-Newest"] = str(followed.newest)
    response["X-Logs-Gap"] = "1" if followed.is_gap else "0"
    response["Cache-Control"] = "no-store"
    return response


@org_member
@require_safe
def export(request: OrgRequest) -> HttpResponseBase:
    """Stream what the page's query finds as a file."""
    given = with_changes(request.GET)
    asked = ExplorerState.read(given)
    form = given.get("format", "ndjson")
    explorer_page = f"{reverse('logs:explorer')}?{request.GET.urlencode()}"
    if form not in MEDIA_TYPES or asked.node is None:
        return redirect(explorer_page)
    search = prepare(request.org.pk, asked.node, scopes_of(request.org))
    try:
        slot = DownloadSlot(request.org.pk, request.user.pk)
    except DownloadsBusyError as error:
        return busy(error)
    try:
        spend_export(request.org)
        chunks = stream(search, asked.range.window, form=form)
    except QuotaError as error:
        slot.release()
        return HttpResponse(
            error.message, status=429, content_type="text/plain", headers={"Retry-After": str(seconds_left(DAY))}
        )
    except BoundedQueryError:
        slot.release()
        return redirect(explorer_page)  # which says what is wrong with it
    except BaseException:
        slot.release()
        raise
    meta = {"format": form, "query": print_query(asked.node), "from": to_url(asked.range.start),
            "to": to_url(asked.range.end)}  # fmt: skip
    record(actor=request.user, org=request.org, action="logs.exported", resource_type="logs", meta=meta)
    name = f"logs-{asked.range.start:%Y%m%dT%H%M%S}-{asked.range.end:%Y%m%dT%H%M%S}.{form}"
    return download(chunks, slot, content_type=MEDIA_TYPES[form], name=name)


@org_member
@require_POST
def save_view(request: OrgRequest) -> HttpResponse:
    """Save the page under a name; sharing it with the organisation is for developers and admins."""
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A saved view needs a name of at most 80 characters.")
        return redirect(safe_next(request, reverse("logs:explorer")))
    is_shared = form.cleaned_data["is_shared"] and request.membership.is_developer
    params = form.params()
    try:
        view = actions.save_view(
            actor=request.user, org=request.org, name=form.cleaned_data["name"], params=params, is_shared=is_shared
        )
    except actions.TooManyViewsError:
        messages.error(request, f"You have {actions.MOST_VIEWS} saved views. Delete one first.")
        return redirect(safe_next(request, reverse("logs:explorer")))
    except QuotaError as error:
        messages.error(request, error.message)
        return redirect(safe_next(request, reverse("logs:explorer")))
    messages.success(request, f"Saved “{view.name}”.")
    return redirect(view_url(view))


@org_member
@require_safe
def saved_views(request: OrgRequest) -> HttpResponse:
    """List the saved views whose name holds `q`, to open or delete; for the explorer's menu all of them, as links."""
    words = request.GET.get("q", "").replace("\0", "")[:80]
    is_menu = request.headers.get("HX-Request") == "true"
    most = _VIEWS_IN_ALL if is_menu else _VIEWS_ON_PAGE
    views = offered_views(request.org, request.user, request.membership, words=words, most=most + 1)
    values = {"views": views[:most], "has_more_views": len(views) > most, "words": words, "most": most}
    return render(request, "logs/_view_list.html" if is_menu else "logs/views.html", values)


@org_member
@require_POST
def delete_view(request: OrgRequest, view_id: int) -> HttpResponse:
    """Delete a saved view of one's own; an admin also those that others share."""
    view = get_object_or_404(SavedView.objects.for_org(request.org).seen_by(request.user), pk=view_id)
    if view.owner_id != request.user.pk and not request.membership.is_admin:
        raise PermissionDenied("Only its owner or an admin may delete a shared view.")
    actions.delete_view(actor=request.user, view=view)
    messages.success(request, f"Deleted “{view.name}”.")
    return redirect(safe_next(request, reverse("logs:explorer")))


def _drawer(request: OrgRequest, asked: ExplorerState, scopes: Scopes) -> Drawer | None:
    if asked.row is None:
        return None
    with search_session(request.org.pk) as session:
        return drawer_for(session, request.org, asked, scopes, asked.row)


def _near(place: LogCursor, given: QueryDict) -> QueryDict:
    """Return what is given, with the time around the log where no other is: its links must not lead away from it."""
    near = given.copy()
    if len(near.get("q", "")) > LONGEST_LINK:
        del near["q"]  # which its links would repeat, and no form here carries
    if not (near.get("from") or near.get("to")):
        near["from"], near["to"] = to_url(place.ts - AROUND), to_url(place.ts + AROUND)
    return near


def _htmx_target(request: HttpRequest) -> str:
    htmx = getattr(request, "htmx", None)
    return (htmx.target or "") if htmx and not htmx.history_restore_request else ""
