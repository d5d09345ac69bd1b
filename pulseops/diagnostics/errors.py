"""What recently went wrong for one organisation, beside what its incidents say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Org
from alerts.queries import unreadable_rules
from deployments.queries import invalid_deliveries
from notifications.messages import heading
from notifications.queries import failed_messages

SINCE = timedelta(days=7)
MOST = 10  # of each kind


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that did not work; `at` is None where it goes on now."""

    at: datetime | None
    what: str
    text: str


def mishaps(org: Org, now: datetime) -> list[Mishap]:
    """Return what went wrong in the last seven days, what goes on first; one query for each app."""
    since = now - SINCE
    rules = [Mishap(None, f"Alert rule {rule.name}", rule.problem or "") for rule in unreadable_rules(org, limit=MOST)]
    messages = [
        Mishap(
            job.created_at,
            f"Message “{heading(job.type)}” to {job.channel or 'a removed channel'}",
            job.last_error or "",
        )
        for job in failed_messages(org, since, limit=MOST)
    ]
    deliveries = [
        Mishap(effect.received_at, f"GitHub delivery {effect.event_type} {effect.delivery_id}", effect.reason or "")
        for effect in invalid_deliveries(org, since, limit=MOST)
    ]
    return [*rules, *messages, *deliveries]
