"""The dashboard: what is wrong first."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.tenancy import OrgRequest, org_member
from pulseops.dashboard import queries
from pulseops.dashboard.onboarding import checklist, put_away
from pulseops.dashboard.stats import stats_of
from pulseops.pages.banners import banners
from services.queries import service_summaries
from services.volume import day_of_logs


@require_safe
@org_member
def dashboard(request: OrgRequest) -> HttpResponse:
    """Show how the organisation is doing; each call below is one query, deployments two."""
    now = timezone.now()
    org = request.org
    incidents = queries.live_incidents(org)
    volume = day_of_logs(org, now)
    deployments = queries.deployments(org)
    services = service_summaries(org)
    stats = stats_of(org, now)
    logs, errors = volume.total(), volume.total(level="error")
    cards = queries.service_cards(services, volume, incidents, deployments.of_service)
    has_log = any(card.last_log_at for card in cards)
    values = {
        "incidents": incidents,
        "services": cards,
        "logs": logs,
        "errors": errors,
        "error_share": f"{errors / logs:.1%} of all" if logs else "",
        "chart": queries.volume_chart(org, volume),
        "deployments": deployments.latest,
        "stats": stats,
        "checklist": checklist(request.user, org, request.membership, services, stats, now, has_log=has_log),
        "troubles": banners(request)["banners"].rest,  # who can act has them as banners
    }
    return render(request, "dashboard/dashboard.html", values)


@require_POST
@org_member
def put_steps_away(request: OrgRequest) -> HttpResponse:
    """Show the reader no first steps of this organisation any more."""
    put_away(request.user, request.org)
    return redirect("dashboard")
