"""Deleting logs that are older than their service keeps them: whole days where it can be, batches elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from logs.counts import MINUTE
from logs.partitions import Partition, drop, partitions
from logs.sealing import tidy, vacuum
from services.models import RETENTION_DAYS_MAX, Environment, Service

# A batch may be on its way that was checked when its oldest log was still kept.
MARGIN = timedelta(minutes=5)
BATCH = 5_000  # rows in one transaction, or the logs of one minute where that has more

_OLDEST = """
    SELECT ts FROM logs
    WHERE org_id = %(org)s AND service_id = %(service)s AND environment_id {environment} AND ts < %(before)s
    ORDER BY ts LIMIT 1 OFFSET %(offset)s
"""
# One snapshot for both: a batch that commits meanwhile keeps its logs and its counts.
_DELETE = """
    WITH gone AS (
        DELETE FROM logs
        WHERE org_id = %(org)s AND service_id = %(service)s AND environment_id {environment}
            AND ts >= %(start)s AND ts < %(end)s
        RETURNING 1
    ),
    uncounted AS (
        DELETE FROM log_counts
        WHERE org_id = %(org)s AND service_id = %(service)s AND environment_id {environment}
            AND minute >= %(start)s AND minute < %(end)s
    )
    SELECT count(*) FROM gone
"""
_ANY_OF = """
    SELECT EXISTS (
        SELECT FROM unnest(%s::uuid[], %s::uuid[]) AS keeper (org_id, service_id)
        CROSS JOIN LATERAL (
            SELECT FROM logs
            WHERE org_id = keeper.org_id AND service_id = keeper.service_id AND ts >= %s AND ts < %s LIMIT 1
        ) kept
    )
"""


@dataclass(slots=True)
class Expired:
    """How many logs a run deleted, which partitions it dropped, and which it wrote anew to give space back."""

    deleted: int = 0
    dropped: list[str] = field(default_factory=list)
    tidied: list[str] = field(default_factory=list)


def delete_expired(now: datetime | None = None) -> Expired:
    """Delete what is past every service's `retention_days` at `now`, oldest first."""
    now = (now or timezone.now()) - MARGIN
    services = list(Service.objects.all())
    expired = Expired()
    for partition in partitions():
        if _is_all_past(partition, services, now):
            expired.deleted += drop(partition)
            expired.dropped.append(partition.name)
    touched: list[tuple[datetime, datetime]] = []
    for service in services:
        for start, end, rows in _delete_of(service, now - timedelta(days=service.retention_days)):
            expired.deleted += rows
            touched.append((start, end))
    if not connection.in_atomic_block:  # VACUUM cannot run in a test's transaction
        for each in _of(touched):
            vacuum(each)
        expired.tidied = [each.name for each in partitions() if tidy(each)]
    return expired


def expired_soon(service: Service, retention_days: int, now: datetime | None = None) -> int:
    """Return how many logs of `service` would go if it kept them for `retention_days`."""
    before = (now or timezone.now()) - timedelta(days=retention_days)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(count), 0) FROM log_counts WHERE org_id = %s AND service_id = %s AND minute < %s",
            [service.org_id, service.pk, before],
        )
        return int(cursor.fetchone()[0])


def _is_all_past(partition: Partition, services: Sequence[Service], now: datetime) -> bool:
    """Tell whether a partition has only logs of services that do not keep them any more."""
    shortest = min((each.retention_days for each in services), default=RETENTION_DAYS_MAX)
    if partition.is_default or partition.end > now - timedelta(days=shortest):
        return False
    keepers = [each for each in services if partition.end > now - timedelta(days=each.retention_days)]
    with connection.cursor() as cursor:
        orgs, ids = [each.org_id for each in keepers], [each.pk for each in keepers]
        cursor.execute(_ANY_OF, [orgs, ids, partition.start, partition.end])
        return not cursor.fetchone()[0]


def _delete_of(service: Service, before: datetime) -> Iterator[tuple[datetime, datetime, int]]:
    """Delete a service's logs before `before` in batches of whole minutes; gives the span and size of each."""
    before = _minute(before)
    environments: list[UUID | None] = list(Environment.objects.filter(service=service).values_list("pk", flat=True))
    for environment_id in [*environments, None]:
        is_same = "IS NULL" if environment_id is None else "= %(environment)s"
        values: dict[str, Any] = {"org": service.org_id, "service": service.pk, "environment": environment_id}
        while (first := _oldest(is_same, {**values, "before": before, "offset": 0})) is not None:
            last = _oldest(is_same, {**values, "before": before, "offset": BATCH})
            start, end = _minute(first), before if last is None else _minute(last)
            if end <= start:
                end = start + MINUTE
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT lock_moving_of_logs()")
                cursor.execute(_DELETE.format(environment=is_same), {**values, "start": start, "end": end})
                (rows,) = cursor.fetchone()
            yield start, end, rows


def _oldest(is_same: str, values: dict[str, Any]) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST.format(environment=is_same), values)
        row = cursor.fetchone()
    return row[0] if row else None


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _of(spans: Sequence[tuple[datetime, datetime]]) -> list[Partition]:
    """Return the partitions that have some of the spans."""
    return [each for each in partitions() if any(start < each.end and end > each.start for start, end in spans)]
