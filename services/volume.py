"""How many logs of each service and level there were in a day, bar by bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.models import Org
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
    """Counts of the bars in [since, until) by service; times are UTC."""

    since: datetime
    until: datetime
    by_service: Mapping[UUID, Counts]

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
        counts = self.by_service.get(service_id, {})
        buckets = []
        for start in _starts(self.since, self.until, STEP * SPARK_STEPS):
            bars = [counts.get(start + STEP * index, {}) for index in range(SPARK_STEPS)]
            errors = sum(bar.get("error", 0) for bar in bars)
            everything = sum(sum(bar.values()) for bar in bars)
            buckets.append(Bucket(start, start + STEP * SPARK_STEPS, {"error": errors, "info": everything - errors}))
        return buckets


def day_of_logs(org: Org, now: datetime, service_id: UUID | None = None) -> DayVolume:
    """Count the logs of the last 24 hours up to the end of the bar that is running, of all services or of one.

    One query.
    """
    wide = STEP * SPARK_STEPS
    until = datetime.fromtimestamp((now.timestamp() // wide.total_seconds() + 1) * wide.total_seconds(), UTC)
    since = until - SPAN
    by_service: dict[UUID, dict[datetime, dict[str, int]]] = {}
    for count_logs in LOG_VOLUME:
        for start, each, level, count in count_logs(org.pk, since, until, STEP, service_id):
            by_service.setdefault(each, {}).setdefault(start, {})[level] = count
    return DayVolume(since, until, by_service)


def _starts(since: datetime, until: datetime, step: timedelta) -> list[datetime]:
    return [since + step * index for index in range((until - since) // step)]
