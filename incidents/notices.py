"""What notifications say of an incident: the facts that go into the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from incidents.evidence import DeploymentFact, Evidence
from incidents.links import window_url
from incidents.models import Incident
from notifications.messages import LINES
from notifications.outbox import enqueue
from notifications.routing import Subject
from pulseops.core.ui.times import duration

EVENTS = frozenset(
    {"created", "investigating", "resolved", "reopened", "escalated", "unwatched", "note", "reminded", "flapping"}
)
_ASKING = frozenset(
    {"created", "reopened", "escalated", "reminded", "flapping"}
)  # that wait for somebody to acknowledge
REPLY_PATH = "/a/"  # before the signed part; short, for it is part of every message


@dataclass(frozen=True, slots=True)
class Via:
    """By which way a change came where that was no page of ours.

    `words` are such as "by link in #on-call". `author` is who it was by the name that another service knows, and
    `channel_id` the channel of that service, which knows of the change already.
    """

    words: str = ""
    author: str = ""
    channel_id: UUID | None = None


DIRECT = Via()


def announce(
    incident: Incident,
    event: str,
    *,
    actor: User | None,
    text: str = "",
    via: Via = DIRECT,
    at: datetime | None = None,
    hold: timedelta | None = None,
) -> None:
    """Put a message about `event` (one of EVENTS), as of `at` (now), into the outbox for every channel that wants it.

    Call it in the event's transaction. `hold` is for how long the message may still be taken back. The channel from
    which the change came is not notified of it.
    """
    moment = at or timezone.now()
    if incident.silenced_until and incident.silenced_until > moment:
        return
    if incident.is_snoozed and event in {"reopened", "flapping"}:
        return
    payload = notice_payload(incident, event, actor=actor, text=text, via=via.words, at=at)
    about = subject_of(incident, event)
    values: dict[str, Any] = {
        "event": f"incident.{event}",
        "payload": payload,
        "subject_id": incident.pk,
        "about": about,
        "hold": hold,
        "without": via.channel_id,
    }
    enqueue(org=incident.org, **values)


def subject_of(incident: Incident, event: str = "created") -> Subject:
    """Return what channels choose by."""
    return Subject(
        event=event,
        severity=incident.severity,
        service_id=str(incident.service_id),
        environment=incident.environment.name,
        rule_id=incident.rule_id,
        is_of_rule=incident.rule_id is not None,
    )


def notice_payload(
    incident: Incident, event: str, *, actor: User | None, text: str = "", via: str = "", at: datetime | None = None
) -> dict[str, Any]:
    """Return what notifications.messages.Notice reads, and notifications.replies."""
    stored = Evidence.from_json(incident.evidence_json)
    evidence = stored if event in {"created", "reopened", "reminded"} else None
    payload: dict[str, Any] = {
        "incident_id": incident.pk,
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status,
        "scope": f"{incident.service.name} / {incident.environment.name}",
        "text": text or (evidence.words if evidence else incident.description or "" if event == "created" else ""),
        "path": f"/incidents/{incident.pk}?org={incident.org_id}",
        "at": (at or timezone.now()).isoformat(),
        "facts": _facts(incident, event, evidence, actor, via),
        "links": _links(incident, stored),
    }
    if evidence:
        payload |= evidence_payload(incident)
    if event in _ASKING and incident.status == Incident.Status.OPEN:
        payload["reply_path"] = REPLY_PATH
    return payload


def evidence_payload(incident: Incident) -> dict[str, Any]:
    """Return the part of a payload that quotes the log."""
    evidence = Evidence.from_json(incident.evidence_json)
    if evidence is None or not evidence.samples:
        return {}
    lines = [f"{each.level} {each.message}" for each in evidence.samples[:LINES]]
    return {"pattern": evidence.pattern, "lines": lines}


def _facts(incident: Incident, event: str, evidence: Evidence | None, actor: User | None, via: str) -> list[list[Any]]:
    facts: list[list[Any]] = []
    if event == "resolved" and incident.resolved_at:
        facts.append(["Duration", duration((incident.resolved_at - incident.created_at).total_seconds())])
    if actor or via:
        facts.append(["By", ", ".join(filter(None, [actor.display_name if actor else "", via]))])
    if evidence and evidence.first_at and evidence.last_at:
        facts += [
            ["First seen", {"at": evidence.first_at.isoformat()}],
            ["Last seen", {"at": evidence.last_at.isoformat()}],
        ]
    elif event == "created":
        facts.append(["Since", {"at": incident.created_at.isoformat()}])
    if evidence and evidence.deployment:
        name = "Suspected deployment" if evidence.window_minutes else "Deployment"
        facts.append([name, _deployment(evidence.deployment)])
    return facts


def _deployment(fact: DeploymentFact) -> str:
    name = f"{fact.commit_sha[:7]} {fact.title}"
    verdict = f" ({fact.verdict})" if fact.verdict else ""
    most = 118 - len(verdict)
    return f"{name if len(name) <= most else name[: most - 1] + '…'}{verdict}"


def _links(incident: Incident, evidence: Evidence | None) -> list[list[str]]:
    """Return the pages that are worth a look besides the incident's own."""
    org = f"org={incident.org_id}"
    links = []
    if logs := window_url(incident, evidence):
        links.append(["Logs", f"{logs}{'&' if '?' in logs else '?'}{org}"])
    if evidence and evidence.deployment:
        page = reverse("deployments:detail", args=[evidence.deployment.id])
        links.append(["Compare", f"{page}?{org}#comparison"])
    return links
