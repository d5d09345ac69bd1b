"""The way of a new organisation from nothing to being notified of trouble: a checklist that goes when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Membership, Org, Role
from pulseops.core.routes import address
from pulseops.dashboard.stats import OrgStats
from services.queries import ServiceSummary

NEW_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; `url` is empty for who may not do it, or where the page is not there."""

    title: str
    text: str
    is_done: bool
    url: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Checklist:
    """The steps in their order."""

    steps: Sequence[Step]

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.is_done for step in self.steps)

    @property
    def next(self) -> Step | None:
        """The first that is not."""
        return next((step for step in self.steps if not step.is_done), None)


def checklist(
    org: Org,
    membership: Membership,
    services: Sequence[ServiceSummary],
    stats: OrgStats,
    now: datetime,
    *,
    has_log: bool,
) -> Checklist | None:
    """Return what is still to be done; None when all is, or when the organisation is old, has logs, and so chose."""
    result = Checklist(_steps(membership, services, stats, has_log=has_log))
    is_settled = has_log and org.created_at < now - NEW_FOR
    return None if result.next is None or is_settled else result


def _steps(membership: Membership, services: Sequence[ServiceSummary], stats: OrgStats, *, has_log: bool) -> list[Step]:
    first = services[0].service if services else None
    has_key = has_log or any(each.hearing.live_keys for each in services)
    create = _url(membership, Role.DEVELOPER, "services:create")
    keys = _url(membership, Role.DEVELOPER, "services:key_create", first.pk) if first else ""
    detail = _url(membership, Role.VIEWER, "services:detail", first.pk) if first else ""
    return [
        Step("Create a service", "A program: an API, a worker, a web site.", bool(first), create, "New service"),
        Step("Create an API key", "The service sends its logs with it.", has_key, keys, "Create a key"),
        Step("Send the first log", "With a snippet to paste.", has_log, detail, "Open the service"),
        Step(
            "Create an alert rule",
            "Opens an incident when there are many errors; with a preview on your own logs.",
            stats.has_rule,
            _url(membership, Role.ADMIN, "alerts:create"),
            "New rule",
        ),
        _channel_step(membership, stats),
    ]


def _channel_step(membership: Membership, stats: OrgStats) -> Step:
    """A channel counts once it was sent something: then it is known to work."""
    if stats.has_channel and not stats.has_heard:
        channels = _url(membership, Role.ADMIN, "notifications:channels")
        return Step("Test the channel", "A test message is sent like every other.", False, channels, "Send a test")
    return Step(
        "Add a channel",
        "Slack or Discord, notified of each incident; with a test message.",
        stats.has_heard,
        _url(membership, Role.ADMIN, "notifications:create"),
        "Add a channel",
    )


def _url(membership: Membership, needed: Role, name: str, *args: object) -> str:
    if not Role(membership.role).includes(needed):
        return ""
    return address(name, *args)
