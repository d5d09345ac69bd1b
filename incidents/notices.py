"""What notifications say of an incident: the facts that go into the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from incidents.evidence import Evidence
from incidents.models import Incident
from notifications.outbox import enqueue
from pulseops.core.ui.times import duration

EVENTS = frozenset({"created", "investigating", "resolved", "reopened", "escalated", "unwatched"})


def announce(incident: Incident, event: str, *, actor: User | None, text: str = "", at: datetime | None = None) -> None:
    """Put a message about `event` (one of EVENTS), as of `at` (now), into the outbox for every channel; call it in its
    transaction.
    """
    payload = notice_payload(incident, event, actor=actor, text=text, at=at)
    enqueue(org=incident.org, event=f"incident.{event}", payload=payload, subject_id=incident.pk)


def notice_payload(
    incident: Incident, event: str, *, actor: User | None, text: str = "", at: datetime | None = None
) -> dict[str, Any]:
    """Return what notifications.messages.Notice reads."""
    facts = []
    if event == "resolved" and incident.resolved_at:
        facts.append(["Duration", duration((incident.resolved_at - incident.created_at).total_seconds())])
    if actor:
        facts.append(["By", actor.display_name])
    elif event == "created":
        facts.append(["Since", f"{incident.created_at:%Y-%m-%d %H:%M:%S} UTC"])
    evidence = Evidence.from_json(incident.evidence_json) if event in {"created", "reopened"} else None
    if evidence and evidence.deployment:
        deployment = evidence.deployment
        facts.append(["Last deployment", f"{deployment.commit_sha[:7]} {deployment.title}"])
    return {
        "incident_id": incident.pk,
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status,
        "scope": f"{incident.service.name} / {incident.environment.name}",
        "text": text or (evidence.words if evidence else incident.description or "" if event == "created" else ""),
        "path": f"/incidents/{incident.pk}?org={incident.org_id}",
        "at": (at or timezone.now()).isoformat(),
        "facts": facts,
    }
