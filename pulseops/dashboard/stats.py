"""An organisation's figures: how fast it acknowledges and resolves incidents, and what it has set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, QuerySet

from accounts.models import Org
from accounts.queries import annotated_org, has_colleagues
from alerts.queries import has_rules
from incidents.queries import mean_time_to
from notifications.queries import has_channels, has_used_channels
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
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
    """Mean time to acknowledge and to resolve, by when incidents opened; whether rules and channels are there, whether
    a channel was ever sent anything (a test, say), and whether it has more than one member.
    """

    acknowledge: Mean
    resolve: Mean
    has_rule: bool
    has_channel: bool
    has_heard: bool
    has_colleagues: bool


def _annotated() -> QuerySet[Org]:
    before, since, now = (Parameter(name, DateTimeField()) for name in ("before", "since", "now"))
    return annotated_org(
        acknowledged=mean_time_to("investigating_at", since, now),
        acknowledged_before=mean_time_to("investigating_at", before, since),
        resolved=mean_time_to("resolved_at", since, now),
        resolved_before=mean_time_to("resolved_at", before, since),
        has_rule=has_rules(),
        has_channel=has_channels(),
        has_heard=has_used_channels(),
        has_colleagues=has_colleagues(),
    )


_ORG = CompiledRows(_annotated)


def stats_of(org: Org, now: datetime) -> OrgStats:
    """Return the figures of `org` at `now`; one query, made of each app's part.

    Time to acknowledge: from opening until the first acknowledgement. Time to resolve: from opening until resolved.
    """
    row = _ORG.get(org_id=org.pk, now=now, since=now - SPAN, before=now - 2 * SPAN)
    return OrgStats(
        Mean(row.acknowledged, row.acknowledged_before),
        Mean(row.resolved, row.resolved_before),
        row.has_rule,
        row.has_channel,
        row.has_heard,
        row.has_colleagues,
    )
