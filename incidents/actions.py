"""What changes incidents: lock the row, check, save, and write event, audit row and messages, all in one transaction.

Actor first; None is the system. Doing a thing twice is no error and writes nothing the second time: every function
returns whether it changed anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.queries import is_member
from incidents.evidence import Evidence
from incidents.flapping import announce_move
from incidents.maintenance import silent_until
from incidents.models import Incident, IncidentEvent, Severity
from incidents.notices import DIRECT, Via, announce
from incidents.transitions import Move, TransitionError, transition
from services.models import Environment

# The fields of the post-mortem, and what the timeline calls them.
POSTMORTEM: Mapping[str, str] = {
    "description": "summary",
    "impact": "impact",
    "cause": "cause",
    "follow_ups": "follow-ups",
}


@transaction.atomic
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
    locked = _locked(incident)
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
    _copy(locked, incident)
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
    locked = _locked(incident)
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
    locked = _locked(incident)
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
    _copy(locked, incident)
    return True


def _label(severity: str) -> str:
    return str(Severity(severity).label).lower()


@transaction.atomic
def assign_incident(*, actor: User | None, incident: Incident, assignee: User | None) -> bool:
    """Set the assignee; None removes it. Raises ValueError for a user who is not a member of the organisation."""
    locked = _locked(incident)
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
    _copy(locked, incident)
    return True


@transaction.atomic
def edit_incident(*, actor: User | None, incident: Incident, title: str, description: str) -> bool:
    """Change the words of an incident."""
    locked = _locked(incident)
    before = (locked.title, locked.description or "")
    if before == (title, description):
        return False
    locked.title, locked.description = title, description or None
    locked.save()
    changed = ["title"] * (before[0] != title) + ["description"] * (before[1] != description)
    note_change(locked, actor, "edited", f"Changed the {' and the '.join(changed)}.", meta={"changed": changed})
    _copy(locked, incident)
    return True


class ChangedMeanwhileError(Exception):
    """Someone else has written there since the writer looked; nothing was saved."""


def postmortem_digests(incident: Incident) -> list[str]:
    """Return a digest of each field of the post-mortem, by which is known what someone has seen of it."""
    fields = (f"{name} {getattr(incident, name) or ''}" for name in POSTMORTEM)
    return [hashlib.sha256(each.encode()).hexdigest()[:16] for each in fields]


@transaction.atomic
def write_postmortem(*, actor: User | None, incident: Incident, seen: Sequence[str], texts: Mapping[str, str]) -> bool:
    """Set the fields of POSTMORTEM to `texts`; returns whether that changed anything.

    `seen` is `postmortem_digests` of what the writer saw of them. Raises ChangedMeanwhileError, with the row in
    `incident` as it is now, where a field that they change says something else by now: no one's words are lost unseen.
    """
    locked = _locked(incident)
    changed = [name for name in POSTMORTEM if (getattr(locked, name) or "") != texts[name]]
    now = dict(zip(POSTMORTEM, postmortem_digests(locked), strict=True))
    if any(now[name] not in seen for name in changed):
        _copy(locked, incident)
        raise ChangedMeanwhileError
    if not changed:
        return False
    for name in changed:
        setattr(locked, name, texts[name])
    locked.save(update_fields=changed)
    words = f"Changed the {' and the '.join(POSTMORTEM[name] for name in changed)}."
    note_change(locked, actor, "postmortem", words, meta={"changed": changed})
    _copy(locked, incident)
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
    locked = _locked(incident)
    if is_sent:
        announce(locked, "note", actor=actor, text=text, at=at)
    meta = {**(_meta_of(via) or {}), **({"is_sent": True} if is_sent else {})} or None
    return note_change(locked, actor, "note", text, meta=meta, happened_at=happened_at, at=at)


@transaction.atomic
def leave_incident_open(*, incident: Incident, reason: str) -> IncidentEvent:
    """Note that an incident's rule no longer watches it, and notify the channels: users have to resolve it."""
    locked = _locked(incident)
    announce(locked, "unwatched", actor=None, text=reason)
    return note_change(locked, None, "note", reason)


def _locked(incident: Incident) -> Incident:
    rows = Incident.objects.select_for_update(of=("self",)).select_related("org", "service", "environment", "assignee")
    return rows.get(pk=incident.pk)


def _copy(source: Incident, target: Incident) -> None:
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
