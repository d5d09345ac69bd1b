"""What changes incidents: lock the row, check, save, and write event, audit row and messages, all in one transaction.

Actor first; None is the system. Doing a thing twice is no error and writes nothing the second time: every function
returns whether it changed anything.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Org, User
from accounts.queries import is_member
from incidents.evidence import Evidence
from incidents.flapping import announce_move
from incidents.maintenance import silent_until
from incidents.models import Incident, IncidentEvent, Severity
from incidents.notices import DIRECT, Via, announce
from incidents.record import copy_row, locked_row, note_change
from incidents.transitions import Move, TransitionError, transition
from services.models import Environment


@transaction.atomic(savepoint=False)
def open_incident(
    *,
    actor: User | None,
    org: Org,
    environment: Environment,
    title: str,
    severity: str,
    description: str = "",
    source: str = Incident.Source.MANUAL,
    rule_id: int | None = None,
    fingerprint: str | None = None,
    evidence: Evidence | None = None,
    at: datetime | None = None,
) -> Incident:
    """Open an incident for an environment and its service, which belong to `org`.

    Raises IntegrityError when a live one stands for the same rule and fingerprint.
    """
    now = at or timezone.now()
    silenced = silent_until(org.pk, environment.service_id, environment.pk, now)
    incident = Incident.objects.create(
        org=org,
        service=environment.service,
        environment=environment,
        title=title,
        description=description or None,
        severity=severity,
        status=Incident.Status.OPEN,
        source=source,
        rule_id=rule_id,
        fingerprint=fingerprint,
        created_at=now,
        last_seen_at=now if rule_id else None,
        detections=1 if rule_id else 0,
        evidence_json=evidence.to_json() if evidence else None,
        silenced_until=silenced,
    )
    words = evidence.words if evidence else "Opened manually."
    note_change(incident, actor, "created", words, at=now)
    announce(incident, "created", actor=actor, at=now)
    return incident


def acknowledge_incident(
    *, actor: User | None, incident: Incident, via: Via = DIRECT, at: datetime | None = None
) -> bool:
    """Acknowledge an incident; its actor becomes the assignee if it has none. Raises TransitionError."""
    return _move(Move.ACKNOWLEDGE, actor, incident, via=via, at=at)


def resolve_incident(
    *, actor: User | None, incident: Incident, reason: str = "", cause: str = "", at: datetime | None = None
) -> bool:
    """End an incident, as of `at` (now unless given); a `cause` is kept with it. Raises TransitionError."""
    return _move(Move.RESOLVE, actor, incident, reason, cause=cause, at=at)


def reopen_incident(*, actor: User | None, incident: Incident, reason: str = "", at: datetime | None = None) -> bool:
    """Open a resolved incident again. Raises TransitionError, also when a newer one stands in its place."""
    return _move(Move.REOPEN, actor, incident, reason, at=at)


def move_incident(*, actor: User | None, incident: Incident, move: Move, via: Via = DIRECT, cause: str = "") -> bool:
    """Make any of the moves; a `cause` is for resolving. Raises TransitionError."""
    return _move(move, actor, incident, via=via, cause=cause if move is Move.RESOLVE else "")


@transaction.atomic
def _move(
    move: Move,
    actor: User | None,
    incident: Incident,
    reason: str = "",
    *,
    via: Via = DIRECT,
    cause: str = "",
    at: datetime | None = None,
) -> bool:
    locked = locked_row(incident)
    row = transition(move, locked.status)
    if row is None:
        return False
    now = at or timezone.now()
    if move is Move.REOPEN:
        _check_place_is_free(locked)
        locked.reopened_at, locked.escalation_steps, locked.escalated_at = now, 0, None
    locked.status = row.target
    locked.resolved_at = now if move is Move.RESOLVE else None
    if move is Move.ACKNOWLEDGE:
        locked.investigating_at = locked.investigating_at or now
        locked.assignee = locked.assignee or actor
    locked.cause = cause or locked.cause
    locked.save()
    words = reason or f"{' '.join(filter(None, [row.words, via.words]))}."
    said = f"Cause: {cause}" if cause else ""
    note_change(locked, actor, row.event, " ".join(filter(None, [words, said])), meta=_meta_of(via), at=now)
    announce_move(locked, row.event, actor=actor, text=reason or said, via=via, at=now)
    copy_row(locked, incident)
    return True


def _meta_of(via: Via) -> dict[str, Any] | None:
    said = {"via": via.words, "author": via.author}
    return {name: value for name, value in said.items() if value} or None


def count_detection(incident_ids: Collection[int], *, at: datetime) -> int:
    """Note that the rules of these incidents found them again at `at`; returns how many there are."""
    return Incident.objects.filter(pk__in=incident_ids).update(detections=F("detections") + 1, last_seen_at=at)


def rename_fingerprint(incident: Incident, fingerprint: str) -> None:
    """Let an incident stand under another fingerprint of its rule."""
    incident.fingerprint = fingerprint
    incident.save(update_fields=["fingerprint"])


def _check_place_is_free(incident: Incident) -> None:
    if incident.rule_id is None or incident.fingerprint is None:
        return
    same = Incident.objects.filter(rule_id=incident.rule_id, fingerprint=incident.fingerprint).live()
    newer = same.exclude(pk=incident.pk).first()
    if newer:
        raise TransitionError(f"Incident #{newer.pk} is open for the same rule and scope; continue there.")


@transaction.atomic
def snooze_incident(*, actor: User | None, incident: Incident, until: datetime | None) -> bool:
    """Leave an incident alone until `until`, None for no longer; returns whether that changed anything.

    Meanwhile it is not escalated, and reminders and reopenings are not sent. Raises TransitionError if it is resolved.
    """
    locked = locked_row(incident)
    if not locked.is_live:
        raise TransitionError("The incident is resolved.")
    if locked.snoozed_until == until or (until is None and not locked.is_snoozed):
        return False
    locked.snoozed_until = until
    locked.save(update_fields=["snoozed_until"])
    words = f"Snoozed until {until:%Y-%m-%d %H:%M} UTC." if until else "No longer snoozed."
    meta = {"until": until.isoformat() if until else None}
    note_change(locked, actor, "snoozed" if until else "unsnoozed", words, meta=meta)
    incident.snoozed_until = until
    return True


@transaction.atomic
def change_severity(*, actor: User | None, incident: Incident, severity: str) -> bool:
    """Set the severity; channels are notified of a higher one than before, as an escalation."""
    locked = locked_row(incident)
    if locked.severity == severity:
        return False
    before, locked.severity = locked.severity, severity
    locked.save()
    order = list(Severity.values)
    is_raised = order.index(severity) > order.index(before)
    words = f"Severity {'raised' if is_raised else 'lowered'} from {_label(before)} to {_label(severity)}."
    meta = {"from": before, "to": severity}
    note_change(locked, actor, "escalated" if is_raised else "severity", words, meta=meta)
    if is_raised and locked.is_live:
        announce(locked, "escalated", actor=actor, text=words)
    copy_row(locked, incident)
    return True


def _label(severity: str) -> str:
    return str(Severity(severity).label).lower()


@transaction.atomic
def assign_incident(*, actor: User | None, incident: Incident, assignee: User | None) -> bool:
    """Set the assignee; None removes it. Raises ValueError for a user who is not a member of the organisation."""
    locked = locked_row(incident)
    if locked.assignee_id == (assignee.pk if assignee else None):
        return False
    if assignee and not is_member(locked.org, assignee):
        raise ValueError("The assignee is not a member of this organisation.")
    locked.assignee = assignee
    locked.save()
    name = assignee.display_name if assignee else ""
    meta = {"assignee_id": str(assignee.pk) if assignee else None, "assignee": name}
    words = f"Assigned to {name}." if name else "Assignee removed."
    note_change(locked, actor, "assigned", words, meta=meta)
    copy_row(locked, incident)
    return True


@transaction.atomic
def edit_incident(*, actor: User | None, incident: Incident, title: str, description: str) -> bool:
    """Change the words of an incident."""
    locked = locked_row(incident)
    before = (locked.title, locked.description or "")
    if before == (title, description):
        return False
    locked.title, locked.description = title, description or None
    locked.save()
    changed = ["title"] * (before[0] != title) + ["description"] * (before[1] != description)
    note_change(locked, actor, "edited", f"Changed the {' and the '.join(changed)}.", meta={"changed": changed})
    copy_row(locked, incident)
    return True


@transaction.atomic
def add_note(
    *,
    actor: User | None,
    incident: Incident,
    text: str,
    happened_at: datetime | None = None,
    is_sent: bool = False,
    via: Via = DIRECT,
    at: datetime | None = None,
) -> IncidentEvent:
    """Write a note into the timeline, as of `at` (now); `happened_at` if it tells of another time.

    With `is_sent` the channels get it too.
    """
    locked = locked_row(incident)
    if is_sent:
        announce(locked, "note", actor=actor, text=text, at=at)
    meta = {**(_meta_of(via) or {}), **({"is_sent": True} if is_sent else {})} or None
    return note_change(locked, actor, "note", text, meta=meta, happened_at=happened_at, at=at)


@transaction.atomic
def leave_incident_open(*, incident: Incident, reason: str) -> IncidentEvent:
    """Note that an incident's rule no longer watches it, and notify the channels: users have to resolve it."""
    locked = locked_row(incident)
    announce(locked, "unwatched", actor=None, text=reason)
    return note_change(locked, None, "note", reason)
