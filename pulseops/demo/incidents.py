"""What people did about the demo's incidents, and one that they opened by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import Membership, Org, Role, User
from incidents.actions import acknowledge_incident, add_note, open_incident, resolve_incident
from incidents.models import Incident, Severity
from services.models import Environment

_MINUTE = timedelta(minutes=1)


def acknowledge(incident: Incident) -> None:
    """Let the developer investigate a grave incident four minutes after it was opened."""
    developer = _developer(incident.org)
    if developer and incident.severity == Severity.HIGH:
        acknowledge_incident(actor=developer, incident=incident, at=incident.created_at + 4 * _MINUTE)


def fill(org: Org, now: datetime) -> int:
    """Let the developer of `org` end the worst incident, and open a small one; return how many were opened."""
    developer = _developer(org)
    if developer is None:
        return 0
    _work_on_the_worst(org, developer)
    return _open_by_hand(org, developer, now)


def _developer(org: Org) -> User | None:
    member = Membership.objects.for_org(org).filter(role=Role.DEVELOPER).select_related("user").first()
    return member.user if member else None


def _work_on_the_worst(org: Org, developer: User) -> None:
    worst = Incident.objects.for_org(org).filter(severity=Severity.HIGH, rule_id__isnull=False)
    incident = worst.order_by("-created_at", "-pk").first()
    if incident is None:
        return
    began = incident.created_at
    notes = (
        (6, "Every failed payment waits for the provider until it times out. It began with the last deployment."),
        (14, "Taking the deployment back. The provider says nothing on its status page."),
        (24, "The old version is live, and payments go through again."),
    )
    for minutes, text in notes:
        add_note(actor=developer, incident=incident, text=text, at=began + minutes * _MINUTE)
    if incident.is_live:
        resolve_incident(actor=developer, incident=incident, at=began + 40 * _MINUTE)


def _open_by_hand(org: Org, developer: User, now: datetime) -> int:
    places = Environment.objects.for_org(org).select_related("service")
    place = places.filter(service__name="mailer", name="production").first()
    if place is None:
        return 0
    incident = open_incident(
        actor=developer,
        org=org,
        environment=place,
        title="Receipts arrive late for some customers",
        description="Support has had three complaints since this morning. Nothing stands out in the logs so far.",
        severity=Severity.LOW,
        at=now - 50 * _MINUTE,
    )
    acknowledge_incident(actor=developer, incident=incident, at=now - 31 * _MINUTE)
    add_note(
        actor=developer, incident=incident, text="All three are with the same mail provider.", at=now - 22 * _MINUTE
    )
    return 1
