"""The way of a new organisation from nothing to being notified of trouble: a checklist that goes when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Membership, Org, Role, User
from pulseops.core.routes import address
from pulseops.dashboard.stats import OrgStats
from services.queries import ServiceSummary

NEW_FOR = timedelta(days=30)
PUT_AWAY, _REMEMBERED = "steps_put_away", 30  # the preference, and of how many other organisations it is remembered


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; `url` is empty for who may not do it, or where the page is not there."""

    title: str
    text: str
    is_done: bool
    url: str = ""
    action: str = ""

    is_admins: bool = False  # no one else can take it


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
    user: User,
    org: Org,
    membership: Membership,
    services: Sequence[ServiceSummary],
    stats: OrgStats,
    now: datetime,
    *,
    has_log: bool,
) -> Checklist | None:
    """Return what is still to be done; None when all is, when the organisation is old and has logs, for readers who may
    take none of the steps, and for those who have put them away.
    """
    if not Role(membership.role).includes(Role.DEVELOPER) or is_put_away(user, org):
        return None
    result = Checklist(
        [
            step
            for step in _steps(membership, services, stats, has_log=has_log)
            if step.is_done or not step.is_admins or membership.is_admin
        ]
    )
    is_settled = has_log and org.created_at < now - NEW_FOR
    return None if result.next is None or is_settled else result


def is_put_away(user: User, org: Org) -> bool:
    """Return whether this member wants no first steps of this organisation any more."""
    return str(org.pk) in user.preference(PUT_AWAY).split()


def put_away(user: User, org: Org) -> None:
    """Show this member no first steps of this organisation any more."""
    others = [each for each in user.preference(PUT_AWAY).split() if each != str(org.pk)]
    user.keep_preferences({PUT_AWAY: " ".join([str(org.pk), *others[:_REMEMBERED]])})


def _steps(membership: Membership, services: Sequence[ServiceSummary], stats: OrgStats, *, has_log: bool) -> list[Step]:
    first = services[0].service if services else None
    has_key = has_log or any(each.hearing.live_keys for each in services)
    create = _url(membership, Role.DEVELOPER, "services:create")
    keys = _url(membership, Role.DEVELOPER, "services:key_create", first.pk) if first else ""
    detail = _url(membership, Role.VIEWER, "services:detail", first.pk) if first else ""
    key = Step("Create an API key", "Logs are sent with it.", False, keys, "Create a key")
    return [
        Step("Create a service", "A program that sends logs, with a key for it.", bool(first), create, "New service"),
        *([key] if first and not has_key else []),
        Step("Send the first log", "With a snippet to paste.", has_log, detail, "Open the service"),
        Step(
            "Create an alert rule",
            "Opens an incident when there are many errors; with a preview on your own logs.",
            stats.has_rule,
            _url(membership, Role.ADMIN, "alerts:create"),
            "New rule",
            is_admins=True,
        ),
        _channel_step(membership, stats),
        Step(
            "Invite your team",
            "By a link; viewers read, developers also change.",
            stats.has_colleagues,
            _url(membership, Role.ADMIN, "accounts:members"),
            "Invite",
            is_admins=True,
        ),
    ]


def _channel_step(membership: Membership, stats: OrgStats) -> Step:
    """A channel counts once it was sent something: then it is known to work."""
    if stats.has_channel and not stats.has_heard:
        channels = _url(membership, Role.ADMIN, "notifications:channels")
        words = "A test message is sent like every other."
        return Step("Test the channel", words, False, channels, "Send a test", is_admins=True)
    return Step(
        "Add a channel",
        "Mail, Slack, PagerDuty and more, notified of each incident; with a test message.",
        stats.has_heard,
        _url(membership, Role.ADMIN, "notifications:create"),
        "Add a channel",
        is_admins=True,
    )


def _url(membership: Membership, needed: Role, name: str, *args: object) -> str:
    if not Role(membership.role).includes(needed):
        return ""
    return address(name, *args)
