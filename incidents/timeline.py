"""Incidents as bands over other apps' histograms, and as a panel of a service's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Org
from deployments.models import Deployment
from incidents.models import Incident, Severity
from incidents.queries import WORST_FIRST, live_incidents
from pulseops.core.extensions import Mark, Panel, ServiceTrouble
from services.models import Service

_SHOWN, _LISTED = 50, 10
AFTER_DEPLOYMENT = timedelta(hours=1)  # as an incident looks back for what changed first


def incident_marks(
    org: Org, services: Sequence[UUID], environments: Sequence[UUID], since: datetime, until: datetime
) -> list[Mark]:
    """Return the incidents that were open at some time between `since` and `until` (UTC); no ids mean all."""
    rows = Incident.objects.for_org(org).filter(created_at__lt=until)
    rows = rows.filter(Q(resolved_at=None) | Q(resolved_at__gt=since))
    if services:
        rows = rows.filter(service_id__in=services)
    if environments:
        rows = rows.filter(environment_id__in=environments)
    return [_mark_of(each, until) for each in rows.order_by("-created_at")[:_SHOWN]]


def _mark_of(incident: Incident, until: datetime) -> Mark:
    return Mark(
        at=incident.created_at,
        kind="incident",
        label=f"#{incident.pk} {incident.title}",
        url=reverse("incidents:detail", args=[incident.pk]),
        until=incident.resolved_at or until,
        status=incident.status,
    )


def trouble_of(incident: Incident) -> ServiceTrouble:
    """Return what a live incident says of its service."""
    return ServiceTrouble(
        service_id=incident.service_id,
        environment_id=incident.environment_id,
        is_severe=incident.severity == Severity.HIGH,
        title=incident.title,
        url=reverse("incidents:detail", args=[incident.pk]),
    )


def service_troubles(org: Org) -> list[ServiceTrouble]:
    """Return the live incidents as what is wrong with services, worst first; one query."""
    return [trouble_of(each) for each in live_incidents(org)]


def deployment_panel(request: HttpRequest, deployment: Deployment) -> Panel | None:
    """Show the incidents that began where `deployment` went, within an hour after it was live; one query."""
    since = deployment.deployed_at
    rows = Incident.objects.for_org(deployment.org).filter(environment=deployment.environment)
    rows = rows.filter(created_at__gte=since, created_at__lt=since + AFTER_DEPLOYMENT)
    results = list(rows.defer("evidence_json", "description").order_by("created_at", "pk")[: _LISTED + 1])
    if not results:
        return None
    context = {"incidents": results[:_LISTED], "has_more": len(results) > _LISTED, "since": since}
    return Panel("Incidents after it", "incidents/_deployment_panel.html", context, anchor="incidents")


def service_panel(request: HttpRequest, service: Service) -> Panel | None:
    """Show the service's live incidents, worst first, and the last that ended; one query."""
    rows = Incident.objects.for_org(service.org).filter(service=service).select_related("environment")
    results = list(rows.defer("evidence_json", "description").order_by(WORST_FIRST, "-created_at")[:_SHOWN])
    live = [each for each in results if each.is_live]
    last = next((each for each in results if not each.is_live), None)
    now = timezone.now()
    return Panel(
        "Incidents",
        "incidents/_service_panel.html",
        {
            "live": live[:_LISTED],
            "last": last,
            "url": f"{reverse('incidents:list')}?state=all&service={service.pk}",
        },
        anchor="incidents",
        is_urgent=bool(live),
        troubles=[trouble_of(each) for each in live],
        marks=[_mark_of(each, now) for each in results],
    )
