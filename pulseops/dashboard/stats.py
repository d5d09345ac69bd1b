"""An organisation's figures: how fast it acknowledges and resolves incidents, and what it has set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Org
from alerts.queries import has_rules
from incidents.queries import response_times
from notifications.queries import channel_setup
from pulseops.core.ui.times import duration

SPAN = timedelta(days=30)
_NOTABLE = 0.05  # a change of less than this share is none


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean time over the last 30 days and over the 30 days before; None where there was nothing to measure."""

    now: timedelta | None
    before: timedelta | None

    @property
    def value(self) -> str:
        """The mean in words."""
        return "none" if self.now is None else duration(self.now.total_seconds())

    @property
    def note(self) -> str:
        """How it compares with the 30 days before."""
        if self.now is None:
            return "nothing in 30 days"
        if self.before is None or abs(self.now - self.before) < self.before * _NOTABLE:
            return "mean of 30 days"
        change = duration(abs(self.now - self.before).total_seconds())
        return f"{change} {'quicker' if self.now < self.before else 'slower'} than before"

    @property
    def tone(self) -> str:
        """Good news, bad news, or none."""
        if self.now is None or self.before is None or abs(self.now - self.before) < self.before * _NOTABLE:
            return ""
        return "ok" if self.now < self.before else "warn"


@dataclass(frozen=True, slots=True)
class OrgStats:
    """Mean time to acknowledge and to resolve, by when incidents opened; whether rules and channels are there, and
    whether a channel was ever sent anything (a test, say).
    """

    acknowledge: Mean
    resolve: Mean
    has_rule: bool
    has_channel: bool
    has_heard: bool


def stats_of(org: Org, now: datetime) -> OrgStats:
    """Return the figures of `org` at `now`; one query for each app that is asked.

    Time to acknowledge: from opening until the first acknowledgement. Time to resolve: from opening until resolved.
    """
    since, before = now - SPAN, now - 2 * SPAN
    current, previous = response_times(org, (since, now), (before, since))
    channels = channel_setup(org)
    return OrgStats(
        Mean(current.to_acknowledge, previous.to_acknowledge),
        Mean(current.to_resolve, previous.to_resolve),
        has_rule=has_rules(org),
        has_channel=channels.has_any,
        has_heard=channels.has_sent,
    )
