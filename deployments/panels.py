"""The GitHub integration on its service's page."""

from __future__ import annotations

from django.http import HttpRequest

from deployments.github.signatures import SecretState, secret_state
from deployments.models import GitHubIntegration
from pulseops.core.extensions import Panel
from services.models import Service


def github_panel(request: HttpRequest, service: Service) -> Panel:
    """Show which repository tells of this service's deployments, and when it last did; two queries."""
    integration = GitHubIntegration.objects.filter(service=service).first()
    context = {
        "service": service,
        "integration": integration,
        "last": integration.effects.order_by("-received_at", "-id").first() if integration else None,
        "needs_secret": bool(integration and secret_state(integration) in {SecretState.MISSING, SecretState.LOST}),
    }
    return Panel("GitHub", "deployments/_service_panel.html", context, anchor="github")
