"""What a page of the explorer asks for when its rows are there."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.tenancy import OrgRequest, org_member
from logs.explorer import preferences
from logs.explorer.figures import fields_of, figures_of
from logs.explorer.state import ExplorerState
from logs.explorer.toolbar import Controls
from pulseops.core.db.statement_timeout import QueryFailedError
from services.scopes import Scopes, scopes_of


@org_member
@require_safe
def figures(request: OrgRequest) -> HttpResponse:
    """Answer with the chart and the facets of a page, counted over all that it found."""
    return _after_page(request, "logs/_figures.html", lambda asked, scopes: figures_of(request.org, asked, scopes))


@org_member
@require_safe
def fields(request: OrgRequest) -> HttpResponse:
    """Answer with the fields of all that a page found, in place of those of its rows."""
    return _after_page(
        request, "logs/_fields.html", lambda asked, scopes: {"fields": fields_of(request.org, asked, scopes)}
    )


def _after_page(request: OrgRequest, template: str, count: Callable[[ExplorerState, Scopes], object]) -> HttpResponse:
    """Render what `count` gives for the page that the address asks for; nothing (204) where that fails."""
    asked = preferences.state_for(request.user, request, request.GET)
    try:
        found = count(asked, scopes_of(request.org)) if asked.node is not None else None
    except QueryFailedError:
        found = None
    if found is None:
        return HttpResponse(status=204)
    response = render(request, template, {"explorer": asked, "controls": Controls(asked, request.zone), "found": found})
    response["Cache-Control"] = "no-store"
    return response
