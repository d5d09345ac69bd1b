"""The worker's part: escalation, and the end of incidents that were resolved long ago."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from incidents.escalate import escalate_due
from incidents.maintenance import announce_after_maintenance
from incidents.models import Incident, MaintenanceWindow
from pulseops.core.jobs.registry import Result, recorded_job

_BATCH = 1000


@recorded_job("escalate_incidents", every=timedelta(minutes=1))
def escalate_incidents() -> Result:
    """Announce what maintenance kept silent, and take the steps of escalation that are due.

    The dispatcher does so every 30 s; here it is the safety net.
    """
    return {"announced": announce_after_maintenance(), "steps": escalate_due()}


@recorded_job("trim_incidents", every=timedelta(hours=12))
def trim_incidents() -> Result:
    """Delete incidents that were resolved INCIDENT_RETENTION_DAYS ago, and with them their timelines."""
    before = timezone.now() - timedelta(days=settings.INCIDENT_RETENTION_DAYS)
    old = Incident.objects.filter(status=Incident.Status.RESOLVED, resolved_at__lt=before)
    MaintenanceWindow.objects.filter(ends_at__lt=before).delete()
    deleted = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        # The database cascades to the timelines; the ORM would read them first.
        deleted += Incident.objects.filter(pk__in=ids)._raw_delete("default")
    return {"deleted": deleted}
