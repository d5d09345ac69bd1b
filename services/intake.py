"""How many logs come in, by what the keys' rate buckets have counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from accounts.models import Org
from pulseops.core.ui.charts import Bucket
from services.models import RateBucket, Service
from services.tasks import BUCKETS_KEPT

SHOWN = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Intake:
    """What came in each minute of the last hour, oldest first, without the running minute; and in 24 hours."""

    minutes: Sequence[Bucket]
    day: int

    @property
    def hour(self) -> int:
        """Logs of the last hour."""
        return sum(bucket.total for bucket in self.minutes)

    @property
    def last_minute(self) -> int:
        """Logs of the last whole minute."""
        return self.minutes[-1].total


def intake(org: Org, now: datetime) -> tuple[Intake, Intake]:
    """Return the organisation's intake and that of the whole installation; one query."""
    minutes = (
        RateBucket.objects.filter(window_start__gt=now - BUCKETS_KEPT)
        .order_by()
        .values("window_start")
        .annotate(own=Sum("count", filter=Q(api_key__org=org), default=0), everybody=Sum("count"))
    )
    rows = list(minutes.values_list("window_start", "own", "everybody"))
    return _intake({at: own for at, own, _ in rows}, now), _intake({at: every for at, _, every in rows}, now)


def _intake(counts: Mapping[datetime, int], now: datetime) -> Intake:
    last = now.replace(second=0, microsecond=0)
    starts = [last - SHOWN + _MINUTE * index for index in range(SHOWN // _MINUTE)]
    minutes = [Bucket(start, start + _MINUTE, {"info": counts.get(start, 0)}) for start in starts]
    return Intake(minutes, sum(counts.values()))


@dataclass(frozen=True, slots=True)
class Sender:
    """A service, or for the operator of the installation an organisation, and its logs of 24 hours.

    `kept` is how many logs there are in the long run if every day is like that.
    """

    name: str
    day: int
    kept: int
    detail: str


def services_by_intake(org: Org, now: datetime) -> list[Sender]:
    """Return the organisation's services, the busiest first; one query."""
    recent = Q(api_keys__buckets__window_start__gt=now - BUCKETS_KEPT)
    rows: QuerySet[Any] = Service.objects.for_org(org).annotate(
        day=Sum("api_keys__buckets__count", filter=recent, default=0)
    )
    return [
        Sender(row.name, row.day, row.day * row.retention_days, _count(row.retention_days, "day"))
        for row in rows.order_by("-day", "name")
    ]


def orgs_by_intake(now: datetime) -> list[Sender]:
    """Return every organisation that sent something, the busiest first, over the whole installation; one query."""
    rows = (
        RateBucket.objects.filter(window_start__gt=now - BUCKETS_KEPT)
        .order_by()
        .values(name=F("api_key__org__name"), org=F("api_key__org_id"))
        .annotate(
            day=Sum("count"),
            kept=Sum(F("count") * F("api_key__service__retention_days")),
            keys=Count("api_key", distinct=True),
        )
        .order_by("-day", "name")
    )
    return [Sender(row["name"], row["day"], row["kept"], _count(row["keys"], "key")) for row in rows]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
