"""How an organisation stands: how fast it takes up and ends incidents, and what it has set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, DurationField, Exists, ExpressionWrapper, F, OuterRef, Subquery

from accounts.models import Org
from alerts.models import AlertRule
from incidents.models import Incident
from notifications.models import Channel
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


def standing(org: Org, now: datetime) -> OrgStats:
    """Return how `org` stands at `now`; one query.

    Time to acknowledge: from opening until somebody investigates. Time to resolve: from opening until resolved.
    """
    since, before = now - SPAN, now - 2 * SPAN
    row = (
        Org.objects.filter(pk=org.pk)
        .annotate(
            acknowledged=_mean("investigating_at", since, now),
            acknowledged_before=_mean("investigating_at", before, since),
            resolved=_mean("resolved_at", since, now),
            resolved_before=_mean("resolved_at", before, since),
            has_rule=Exists(AlertRule.objects.filter(org=OuterRef("pk"))),
            has_channel=Exists(Channel.objects.filter(org=OuterRef("pk"))),
            has_heard=Exists(Channel.objects.filter(org=OuterRef("pk"), last_sent_at__isnull=False)),
        )
        .get()
    )
    return OrgStats(
        Mean(row.acknowledged, row.acknowledged_before),
        Mean(row.resolved, row.resolved_before),
        row.has_rule,
        row.has_channel,
        row.has_heard,
    )


def _mean(until: str, since: datetime, before: datetime) -> Subquery:
    """The mean from opening to the column `until`, of incidents opened in [since, before) in which it is set."""
    rows = Incident.objects.filter(
        org=OuterRef("pk"), created_at__gte=since, created_at__lt=before, **{f"{until}__isnull": False}
    )
    length = ExpressionWrapper(F(until) - F("created_at"), output_field=DurationField())
    return Subquery(rows.order_by().values("org").annotate(mean=Avg(length)).values("mean"))
