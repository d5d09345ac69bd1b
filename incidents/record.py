"""What every change of an incident does: lock its row, write timeline and audit, let the caller's instance follow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.audit.record import record
from accounts.models import User
from incidents.models import Incident, IncidentEvent

# The fields of the post-mortem, and what the timeline calls them.
POSTMORTEM: Mapping[str, str] = {
    "description": "summary",
    "impact": "impact",
    "cause": "cause",
    "follow_ups": "follow-ups",
}


def locked_row(incident: Incident) -> Incident:
    """Return the row as it is now, which stays so until the transaction ends."""
    rows = Incident.objects.select_for_update(of=("self",)).select_related("org", "service", "environment", "assignee")
    return rows.get(pk=incident.pk)


def copy_row(source: Incident, target: Incident) -> None:
    """Let the caller's instance say what the row says now."""
    names = ("title", "severity", "status", "resolved_at", "investigating_at", "assignee", *POSTMORTEM)
    for name in names:
        setattr(target, name, getattr(source, name))


def note_change(
    incident: Incident,
    actor: User | None,
    event: str,
    message: str,
    *,
    meta: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    happened_at: datetime | None = None,
) -> IncidentEvent:
    """Write the timeline's entry and the audit row, in the transaction of what they say."""
    entry = IncidentEvent.objects.create(
        incident=incident,
        actor_user=actor,
        type=event,
        message=message,
        meta_json=dict(meta) if meta else None,
        created_at=at or timezone.now(),
        happened_at=happened_at,
    )
    audit_meta = {"title": incident.title, **(meta or {})}
    record(actor=actor, org=incident.org, action=f"incident.{event}", resource=incident, meta=audit_meta, at=at)
    return entry
