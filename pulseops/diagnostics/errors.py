"""What recently went wrong for one organisation, beside what its incidents say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Org
from alerts.queries import unreadable_rules
from deployments.github.queries import invalid_deliveries
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
    """Return what went wrong in the last seven days, what goes on first; one query, made of each app's part."""
    since = now - SINCE
    rules, messages = unreadable_rules(org)[:MOST], failed_messages(org, since)[:MOST]
    rows = rules.union(messages, invalid_deliveries(org, since)[:MOST], all=True)
    return [Mishap(at, _what(kind, name), text) for at, kind, name, text in rows]


def _what(kind: str, name: str) -> str:
    words = {"rule": f"Alert rule {name}", "delivery": f"GitHub delivery {name}"}
    return words.get(kind) or f"Message “{heading(kind)}” to {name or 'a removed channel'}"
