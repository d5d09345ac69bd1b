"""An incident that is reopened again and again: one message says that it flaps, the next that it has stayed resolved.

From the third reopening in an hour on nothing is sent of further ones, and a resolution is held back: it goes out when
the incident stays resolved for so long, and never if it is reopened before.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User
from incidents.models import Incident
from incidents.notices import Via, announce
from notifications.outbox import discard_held

REOPENINGS, WITHIN = 3, timedelta(hours=1)
STAYS_RESOLVED = timedelta(minutes=10)


def announce_move(incident: Incident, event: str, *, actor: User | None, text: str, via: Via, at: datetime) -> None:
    """Announce a move, whose entry is in the timeline; less of it where the incident flaps."""
    if event not in {"reopened", "resolved"}:
        announce(incident, event, actor=actor, text=text, via=via, at=at)
        return
    reopenings = _reopenings(incident, at)
    if event == "resolved":
        hold = STAYS_RESOLVED if reopenings >= REOPENINGS else None
        announce(incident, event, actor=actor, text=text, via=via, at=at, hold=hold)
        return
    discard_held(incident.org, subject_id=incident.pk, event="incident.resolved")
    if reopenings < REOPENINGS:
        announce(incident, event, actor=actor, text=text, via=via, at=at)
    elif reopenings == REOPENINGS:
        minutes = int(STAYS_RESOLVED.total_seconds() // 60)
        words = f"Reopened {REOPENINGS} times within an hour. The next message is sent when it stays resolved for "
        words += f"{minutes} min."
        announce(incident, "flapping", actor=actor, text=words, via=via, at=at)


def _reopenings(incident: Incident, at: datetime) -> int:
    return incident.events.filter(type="reopened", created_at__gt=at - WITHIN, created_at__lte=at).count()
