"""Incidents as bands over other apps' histograms, and as a panel of a service's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Q, When
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Org
from incidents.models import Incident
from pulseops.core.extensions import Mark, Panel
from services.models import Service

_SHOWN = 50


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
    return [
        Mark(
            at=each.created_at,
            kind="incident",
            label=f"#{each.pk} {each.title}",
            url=reverse("incidents:detail", args=[each.pk]),
            until=each.resolved_at or until,
            status=each.status,
        )
        for each in rows.order_by("-created_at")[:_SHOWN]
    ]


def service_panel(request: HttpRequest, service: Service) -> Panel | None:
    """Show the service's live incidents and the last that ended; one query."""
    rows = Incident.objects.for_org(service.org).filter(service=service).select_related("environment")
    results = list(rows.order_by(Case(When(status=Incident.Status.RESOLVED, then=1), default=0), "-created_at")[:10])
    live = [each for each in results if each.is_live]
    last = next((each for each in results if not each.is_live), None)
    values = {"live": live, "last": last, "url": f"{reverse('incidents:list')}?state=all&service={service.pk}"}
    return Panel("Incidents", "incidents/_service_panel.html", values, anchor="incidents", is_urgent=bool(live))
