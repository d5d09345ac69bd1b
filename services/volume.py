"""How many logs of each service and level there were in a day, bar by bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import DatabaseError

from accounts.models import Org
from pulseops.core.db.distribution import is_worker_away
from pulseops.core.extensions import LOG_VOLUME
from pulseops.core.ui.charts import Bucket
from services.links import explorer_url
from services.models import Service

SPAN = timedelta(hours=24)
STEP = timedelta(minutes=15)
SPARK_STEPS = 2  # bars of the chart that one bar of a sparkline has

Counts = Mapping[datetime, Mapping[str, int]]  # start of the bar (UTC) → level → logs


@dataclass(frozen=True, slots=True)
class DayVolume:
    """Counts of the bars in [since, until) by service; times are UTC. Nothing was counted where it `is_unknown`."""

    since: datetime
    until: datetime
    by_service: Mapping[UUID, Counts]
    is_unknown: bool = False

    def total(self, service_id: UUID | None = None, level: str = "") -> int:
        """Count the logs of one service or of all, of one level or of all."""
        services = self.by_service.values() if service_id is None else [self.by_service.get(service_id, {})]
        bars = [counts for service in services for counts in service.values()]
        return sum(sum(counts.values()) if not level else counts.get(level, 0) for counts in bars)

    def last_bar_at(self, service_id: UUID) -> datetime | None:
        """Return when the newest bar of a service that has logs begins."""
        return max(self.by_service.get(service_id, {}), default=None)

    def chart_buckets(self, service: Service | None = None) -> list[Bucket]:
        """Return a bucket per STEP with the levels of all services that were counted; each leads to its logs."""
        buckets = []
        for start in _starts(self.since, self.until, STEP):
            counts: dict[str, int] = {}
            for bars in self.by_service.values():
                for level, count in bars.get(start, {}).items():
                    counts[level] = counts.get(level, 0) + count
            url = explorer_url(service, since=start, until=start + STEP) if counts else ""
            buckets.append(Bucket(start, start + STEP, counts, url))
        return buckets

    def spark_buckets(self, service_id: UUID) -> list[Bucket]:
        """Return fewer, wider buckets of one service: its errors, and everything else as `info`."""
        wide = STEP * SPARK_STEPS
        starts = _starts(self.since, self.until, wide)
        counts = [{"error": 0, "info": 0} for _ in starts]
        for start, levels in self.by_service.get(service_id, {}).items():
            if 0 <= (number := (start - self.since) // wide) < len(counts):
                errors = levels.get("error", 0)
                counts[number]["error"] += errors
                counts[number]["info"] += sum(levels.values()) - errors
        return [Bucket(start, start + wide, each) for start, each in zip(starts, counts, strict=True)]


def day_of_logs(org: Org, now: datetime, service_id: UUID | None = None) -> DayVolume:
    """Count the logs of the last 24 hours up to the end of the bar that is running, of all services or of one.

    One query.
    """
    since, until = _day(now)
    by_service: dict[UUID, dict[datetime, dict[str, int]]] = {}
    for count_logs in LOG_VOLUME:
        for start, each, level, count in count_logs(org.pk, since, until, STEP, service_id):
            by_service.setdefault(each, {}).setdefault(start, {})[level] = count
    return DayVolume(since, until, by_service)


def day_if_known(org: Org, now: datetime) -> DayVolume:
    """As `day_of_logs` of all services; unknown while the worker of Citus that has the organisation's logs is away."""
    try:
        return day_of_logs(org, now)
    except DatabaseError as error:
        if not is_worker_away(error):
            raise
        return DayVolume(*_day(now), {}, is_unknown=True)


def _day(now: datetime) -> tuple[datetime, datetime]:
    """Return the 24 hours up to the end of the bar that is running."""
    wide = (STEP * SPARK_STEPS).total_seconds()
    until = datetime.fromtimestamp((now.timestamp() // wide + 1) * wide, UTC)
    return until - SPAN, until


def _starts(since: datetime, until: datetime, step: timedelta) -> list[datetime]:
    return [since + step * index for index in range((until - since) // step)]
