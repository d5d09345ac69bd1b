"""The pages of deployments: lanes, one of them, how to report them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.tenancy import OrgRequest, org_member
from deployments import queries
from deployments.cards import Card, cards, error_changes
from deployments.filters import list_url, read_filters
from deployments.models import Deployment, GitHubIntegration
from deployments.queries import Filters
from deployments.snippets import deployment_snippets
from pulseops.core.extensions import DEPLOYMENT_PANELS, Panel
from services.links import explorer_url
from services.queries import environment_names, services_of

_LANES_OPEN, _LANES_WHOLE = 4, 4  # environments that are open, and that are folded with what was deployed to them


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as the page shows it; the addresses are empty where there is nothing more."""

    name: str
    cards: list[Card]
    more_url: str
    url: str = ""


@require_safe
@org_member
def deployment_list(request: OrgRequest) -> HttpResponse:
    """Show a lane per environment, or with `?environment=` one environment at length."""
    services = list(services_of(request.org))
    filters = read_filters(request.GET, services)
    values = {"services": services, "filters": filters, "statuses": Deployment.Status.choices}
    if filters.environment:
        values |= _one_lane(request, filters)
    else:
        values |= _all_lanes(request, filters)
    values["environments"] = environment_names(request.org)
    return render(request, "deployments/list.html", values)


def _all_lanes(request: OrgRequest, filters: Filters) -> dict[str, Any]:
    lanes = queries.lanes(request.org, filters)
    errors = error_changes(request.org, [each for lane in lanes for each in lane.deployments])
    shown = [
        LaneView(
            lane.environment,
            cards(lane.deployments, errors),
            list_url(filters, environment=lane.environment) if lane.has_more else "",
            list_url(filters, environment=lane.environment),
        )
        for lane in lanes
    ]
    is_empty = not any(lane.cards for lane in shown)
    more = shown[_LANES_OPEN:]
    return {
        "lanes": shown[:_LANES_OPEN],
        "more_lanes": more[:_LANES_WHOLE],
        "other_lanes": more[_LANES_WHOLE:],
        "more_count": len(more),
        "is_empty": is_empty,
    }


def _one_lane(request: OrgRequest, filters: Filters) -> dict[str, Any]:
    before = request.GET.get("before", "")
    page = queries.lane_page(request.org, filters, before)
    shown = cards(page.rows, error_changes(request.org, page.rows))
    return {
        "lanes": [LaneView(filters.environment, shown, "")],
        "is_empty": not shown,
        "newest_url": list_url(filters) if before else "",
        "older_url": list_url(filters, before=page.older) if page.older else "",
    }


@require_safe
@org_member
def deployment_detail(request: OrgRequest, deployment_id: int) -> HttpResponse:
    """Show one deployment, and what other apps know of it: errors before and after, say."""
    rows = Deployment.objects.for_org(request.org).with_rollbacks()
    rows = rows.select_related("org", "service__github_integration", "environment")
    deployment = get_object_or_404(rows, pk=deployment_id)
    previous = queries.previous_deployment(deployment)
    panels: list[Panel] = [panel for ask in DEPLOYMENT_PANELS if (panel := ask(request, deployment))]
    values = {
        "deployment": deployment,
        "previous": previous,
        "following": queries.next_deployment(deployment),
        "attempts": queries.attempts_of(deployment),
        "lane_url": list_url(Filters(deployment.service, deployment.environment.name)),
        "logs_url": explorer_url(deployment.service, deployment.environment),
        "panels": panels,
        **_on_github(deployment, previous),
    }
    return render(request, "deployments/detail.html", values)


def _on_github(deployment: Deployment, previous: Deployment | None) -> dict[str, str]:
    """Give the addresses of the commit and of what changed since the deployment before, if the repository is known."""
    integration: GitHubIntegration | None = getattr(deployment.service, "github_integration", None)
    if integration is None or not deployment.commit_sha or deployment.source == Deployment.Source.API:
        return {}
    repository = f"https://github.com/{integration.repository}"
    urls = {"commit_url": f"{repository}/commit/{deployment.commit_sha}"}
    if previous and previous.commit_sha not in {"", deployment.commit_sha}:
        urls["compare_url"] = f"{repository}/compare/{previous.commit_sha}...{deployment.commit_sha}"
    return urls


@require_safe
@org_member
def connect(request: OrgRequest) -> HttpResponse:
    """Show both ways to tell of deployments: GitHub's webhooks for each service, and the API for any other CI."""
    services = services_of(request.org).select_related("github_integration")
    values = {"services": services, "snippets": deployment_snippets()}
    return render(request, "deployments/connect.html", values)
