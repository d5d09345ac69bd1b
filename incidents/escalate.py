"""Taking the steps of escalation that are due.

Each is one transaction: the incident's row says how far it came, and the messages stand in the outbox beside it, so a
step is taken once and never lost, whatever is killed when.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.queries import suspended_org_ids
from incidents.escalation import Policy, Step, Waiting, due_step
from incidents.models import EscalationPolicy, Incident
from incidents.notices import notice_payload, subject_of
from incidents.record import note_change
from notifications.outbox import enqueue
from pulseops.core.ui.times import duration

log = logging.getLogger(__name__)
MOST_PER_ORG = 200  # incidents of one organisation in one pass, those that wait longest


def escalate_due(now: datetime | None = None) -> int:
    """Take every step that is due; returns how many. One organisation's trouble is not another's."""
    now = now or timezone.now()
    by_org: dict[UUID, list[EscalationPolicy]] = {}
    for policy in EscalationPolicy.objects.exclude(org_id__in=suspended_org_ids()).order_by("org_id", "pk"):
        by_org.setdefault(policy.org_id, []).append(policy)
    taken = 0
    for org_id, policies in by_org.items():
        for incident_id in _candidates(org_id, policies, now):
            try:
                taken += _take_step(incident_id, policies, now)
            except Exception:
                log.exception("an incident could not be escalated", extra={"incident": incident_id})
    return taken


def _candidates(org_id: UUID, policies: Sequence[EscalationPolicy], now: datetime) -> list[int]:
    soonest = min(policy.after_minutes for policy in policies)
    most = max(policy.repeats for policy in policies)
    rows = (
        Incident.objects.filter(org_id=org_id, status=Incident.Status.OPEN, escalation_steps__lte=most)
        .exclude(snoozed_until__gt=now)
        .filter(silenced_until=None)
        .annotate(since=Coalesce("escalated_at", "reopened_at", "created_at"))
        .filter(since__lte=now - timedelta(minutes=soonest))
    )
    return list(rows.order_by("since", "pk").values_list("pk", flat=True)[:MOST_PER_ORG])


@transaction.atomic
def _take_step(incident_id: int, policies: Sequence[EscalationPolicy], now: datetime) -> bool:
    rows = Incident.objects.select_for_update(of=("self",)).select_related("org", "service", "environment")
    incident = rows.filter(pk=incident_id).first()
    policy = policy_for(incident, policies) if incident else None
    if incident is None or policy is None:
        return False
    step = due_step(policy, waiting_of(incident), now)
    if step is None:
        return False
    incident.escalation_steps, incident.escalated_at = step.number, now
    incident.save(update_fields=["escalation_steps", "escalated_at"])
    waited = duration((now - (incident.reopened_at or incident.created_at)).total_seconds())
    names = _send(incident, step, f"Not acknowledged for {waited}.", now)
    reached = f" Sent to {', '.join(names)}." if names else " No channel is notified."
    words = f"{'Reminder' if step.is_reminder else 'Escalation'} {step.number}: not acknowledged for {waited}.{reached}"
    note_change(incident, None, "reminded", words, meta={"step": step.number}, at=now)
    return True


def _send(incident: Incident, step: Step, text: str, now: datetime) -> list[str]:
    """Write the messages; returns the names of the channels."""
    payload = notice_payload(incident, "reminded", actor=None, text=text, at=now)
    about = subject_of(incident, "reminded")
    values: dict[str, Any] = {
        "org": incident.org,
        "event": "incident.reminded",
        "payload": payload,
        "subject_id": incident.pk,
    }
    jobs = enqueue(**values, about=about)
    reached = {job.channel_id for job in jobs}
    further = [UUID(each) for each in step.channels if UUID(each) not in reached]
    if further:
        jobs += enqueue(**values, only=further)
    return [str(job.channel) for job in jobs]


def policy_for(incident: Incident, policies: Sequence[EscalationPolicy]) -> Policy | None:
    """Return the policy of the incident's rule, else that of its severity."""
    by_rule: Mapping[int | None, EscalationPolicy] = {each.rule_id: each for each in policies if each.rule_id}
    by_severity = {each.severity: each for each in policies if each.severity}
    found = by_rule.get(incident.rule_id) if incident.rule_id else None
    found = found or by_severity.get(incident.severity)
    return found.policy if found else None


def waiting_of(incident: Incident) -> Waiting:
    """Return what escalation needs to know of an incident."""
    return Waiting(
        is_open=incident.status == Incident.Status.OPEN,
        opened_at=incident.reopened_at or incident.created_at,
        steps=incident.escalation_steps,
        last_step_at=incident.escalated_at,
        snoozed_until=incident.snoozed_until,
    )
