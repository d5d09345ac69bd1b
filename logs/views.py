"""The log explorer's pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from accounts.tenancy import OrgRequest, org_member
from logs.addresses import Address
from logs.controls import Controls
from logs.drawer import CONTEXT_ROWS, Drawer, drawer_for
from logs.explore import explore, lister
from logs.forms import Explorer
from logs.queries import neighbours
from logs.search.scopes import scopes_of
from logs.search.session import search_session


@org_member
@require_safe
def explorer(request: OrgRequest) -> HttpResponse:
    """Show the explorer; asked by htmx for the drawer alone, that."""
    asked = Explorer.read(request.GET)
    values: dict[str, Any] = {"explorer": asked, "drawer": _drawer(request, asked), "controls": Controls(asked)}
    if _htmx_target(request) == "drawer":
        response = render(request, "logs/_drawer.html", values)
    else:
        response = render(request, "logs/explorer.html", values | {"found": explore(request.org, asked)})
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response


@org_member
@require_safe
def entry(request: OrgRequest, address: str) -> HttpResponse:
    """Show one log on a page of its own, with its neighbours; 404 for what the organisation does not have."""
    place = Address.read(address)
    if place is None:
        raise Http404
    asked = Explorer.read(request.GET)
    scopes = scopes_of(request.org)
    with search_session(request.org.pk) as session:
        drawer = drawer_for(session, request.org, asked, scopes, place)
        if drawer is None:
            raise Http404
        after, before = neighbours(session, drawer.log.row, request.org.pk, count=CONTEXT_ROWS)
    rows = replace(lister(asked, scopes), url_of=lambda each: reverse("logs:entry", args=[str(each)]), opened=address)
    values = {
        "explorer": asked,
        "drawer": drawer,
        "after": rows.rows(after),
        "before": rows.rows(before),
        "itself": rows.rows([drawer.log.row]),
    }
    return render(request, "logs/entry.html", values)


def _drawer(request: OrgRequest, asked: Explorer) -> Drawer | None:
    if asked.row is None:
        return None
    with search_session(request.org.pk) as session:
        return drawer_for(session, request.org, asked, scopes_of(request.org), asked.row)


def _htmx_target(request: HttpRequest) -> str:
    htmx = getattr(request, "htmx", None)
    return (htmx.target or "") if htmx and not htmx.history_restore_request else ""
