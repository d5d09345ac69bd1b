"""What a channel is notified of: the form, and beside it which of the last week's incidents it would have got."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.tenancy import OrgRequest, org_admin
from notifications import actions
from notifications.models import Channel
from notifications.routing import PAST_SUBJECTS, PastSubject, Routing
from notifications.routing_forms import RoutingForm
from pulseops.core.ui.folding import Folded


@require_http_methods(["GET", "POST"])
@org_admin
def channel_routing(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Show what a channel is notified of, and change it."""
    channel = _channel(request, channel_id)
    form = RoutingForm(request.POST or None, org=request.org, routing=channel.routing)
    routing = channel.routing
    if request.method == "POST" and form.is_valid():
        routing = form.routing
        if "preview" not in request.POST:
            actions.route_channel(actor=request.user, channel=channel, routing=routing)
            messages.success(request, f"What {channel} is notified of was saved.")
            return redirect("notifications:channels")
    values = {"channel": channel, "form": form, **preview(request.org, routing)}
    return render(request, "notifications/routing.html", values, status=422 if form.errors else 200)


@require_POST
@org_admin
def routing_preview(request: OrgRequest, channel_id: UUID) -> HttpResponse:
    """Return what the form as it stands would have let through; htmx asks whenever a field changes."""
    channel = _channel(request, channel_id)
    form = RoutingForm(request.POST, org=request.org, routing=channel.routing)
    routing = form.routing if form.is_valid() else channel.routing
    return render(request, "notifications/_routing_preview.html", preview(request.org, routing))


def preview(org: Any, routing: Routing) -> dict[str, Any]:
    """Sort the last week's incidents by whether a channel with this routing would have got them."""
    past: list[PastSubject] = [each for ask in PAST_SUBJECTS for each in ask(org)]
    got = [(each, routing.held_until(each.subject, each.at)) for each in past if routing.wants(each.subject)]
    missed = [each for each in past if not routing.wants(each.subject)]
    return {"past": len(past), "sent": len(got), "got": Folded.of(got, 12), "missed": Folded.of(missed, 6)}


def _channel(request: OrgRequest, channel_id: UUID) -> Channel:
    return get_object_or_404(Channel.objects.for_org(request.org).select_related("org"), pk=channel_id)
