"""Latest deployments and the GitHub integration on their service's page."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from deployments.github.queries import integration_of
from deployments.github.signatures import SecretState, secret_state
from deployments.models import Deployment
from deployments.timeline import mark_of
from pulseops.core.extensions import Panel
from services.models import Service

_SHOWN, _MARKED = 4, 30


def deployments_panel(_request: HttpRequest, service: Service) -> Panel | None:
    """Show the service's latest deployments; one query."""
    rows = list(
        Deployment.objects.for_org(service.org)
        .filter(service=service)
        .with_rollbacks()
        .select_related("service", "environment")
        .order_by("-created_at", "-id")[:_MARKED]
    )
    if not rows:
        return None
    context = {"deployments": rows[:_SHOWN], "url": f"{reverse('deployments:list')}?service={service.pk}"}
    marks = [mark_of(each) for each in reversed(rows)]
    return Panel("Deployments", "deployments/_latest_panel.html", context, anchor="deployments", marks=marks)


def github_panel(request: HttpRequest, service: Service) -> Panel:
    """Show which repository tells of this service's deployments, and when it last did; one query."""
    integration, last = integration_of(service)
    context = {
        "service": service,
        "integration": integration,
        "last": last,
        "needs_secret": bool(integration and secret_state(integration) in {SecretState.MISSING, SecretState.LOST}),
    }
    return Panel("GitHub", "deployments/_service_panel.html", context, anchor="github")
