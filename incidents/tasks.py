"""The worker's part: escalation, and the end of incidents that were resolved long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from incidents.escalate import escalate_due
from incidents.maintenance import announce_after_maintenance
from incidents.models import Incident, MaintenanceWindow
from incidents.notices import evidence_payload, notice_payload
from incidents.queries import last_acknowledgement
from notifications.channels.posting import Outgoing, post
from notifications.channels.slack import slack_body
from notifications.channels.webhook import HOSTS
from notifications.messages import Notice
from notifications.webhook_addresses import PURPOSE
from pulseops.core.config.encryption import decrypt
from pulseops.core.jobs.allowed_tasks import worker_task
from pulseops.core.jobs.registry import Result, recorded_job

_BATCH = 1000


@recorded_job("escalate_incidents", every=timedelta(minutes=1))
def escalate_incidents() -> Result:
    """Announce what maintenance kept silent, and take the steps of escalation that are due.

    The dispatcher does so every 30 s; here it is the safety net.
    """
    return {"announced": announce_after_maintenance(), "steps": escalate_due()}


@worker_task
def answer_slack(channel_id: str, incident_id: int | None, problem: str, address: str) -> None:
    """Update the message whose button was pressed, or say to who pressed it why nothing happened."""
    response_url = decrypt(PURPOSE, address)
    body: dict[str, Any] = {"response_type": "ephemeral", "replace_original": False, "text": problem}
    rows = Incident.objects.select_related("org", "service", "environment", "assignee")
    incident = rows.filter(pk=incident_id).first() if incident_id else None
    if incident:
        event = {"open": "created", "resolved": "resolved"}.get(incident.status, "investigating")
        entry = last_acknowledgement(incident)
        payload = notice_payload(
            incident, event, actor=entry.actor_user if entry else None, text=entry.message if entry else ""
        )
        payload |= evidence_payload(incident)
        notice = Notice.from_payload(f"incident.{event}", payload)
        body = {"replace_original": True, **slack_body([notice], channel_id)}
    post(Outgoing.of_json(response_url, body), channel_id, HOSTS)


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
