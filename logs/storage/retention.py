"""Deleting logs that are older than their service keeps them: whole days where it can be, batches elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from logs.storage.blocks.table import has_blocks_between
from logs.storage.bulk_delete import delete_logs, whole_minute
from logs.storage.partitions import Partition, drop, partitions
from pulseops.core.db.distribution import Containment
from services.models import RETENTION_DAYS_MAX, Service
from services.queries import all_services

# A batch may be on its way that was checked when its oldest log was still kept.
MARGIN = timedelta(minutes=5)
BATCH = 5_000  # rows in one transaction: no one waits for this to end

_ANY_OF = """
    SELECT EXISTS (SELECT 1 FROM logs WHERE org_id = %s AND service_id = ANY(%s::uuid[]) AND ts >= %s AND ts < %s)
"""


@dataclass(slots=True)
class Expired:
    """How many logs a run deleted, and which partitions it dropped."""

    deleted: int = 0
    dropped: list[str] = field(default_factory=list)


def delete_expired(now: datetime | None = None) -> Expired:
    """Delete what is past every service's `retention_days` at `now`, oldest first."""
    now = (now or timezone.now()) - MARGIN
    services = all_services()
    expired, contained = Expired(), Containment()
    for partition in partitions():
        with contained.each():
            if _is_all_past(partition, services, now):
                expired.deleted += drop(partition)
                expired.dropped.append(partition.name)
    for service in services:
        with contained.each():
            _delete_of(service, now - timedelta(days=service.retention_days), expired)
    contained.raise_failure()
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
    """Return whether a partition has only logs of services that do not keep them any more."""
    shortest = min((each.retention_days for each in services), default=RETENTION_DAYS_MAX)
    if partition.is_default or partition.end > now - timedelta(days=shortest):
        return False
    keepers = [each for each in services if partition.end > now - timedelta(days=each.retention_days)]
    if _has_logs_of(keepers, partition):
        return False
    # Where something is sealed, the counts are of that as well: then what is past goes service by service.
    return not has_blocks_between(partition.start, partition.end)


def _has_logs_of(services: Sequence[Service], partition: Partition) -> bool:
    """Return whether one of the services has a log there; asked organisation by organisation, up to the first hit."""
    by_org: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for service in services:
        by_org[service.org_id].append(service.pk)
    with connection.cursor() as cursor:
        for org_id, service_ids in by_org.items():
            cursor.execute(_ANY_OF, [org_id, service_ids, partition.start, partition.end])
            if cursor.fetchone()[0]:
                return True
    return False


def _delete_of(service: Service, before: datetime, expired: Expired) -> None:
    """Delete a service's logs before the minute of `before`, and count them."""
    environments = service.environments.values_list("pk", flat=True)
    for environment_id in [*environments, None]:
        batches = delete_logs(
            org_id=service.org_id,
            service_id=service.pk,
            environment_id=environment_id,
            before=whole_minute(before),
            batch=BATCH,
        )
        for _, _, rows in batches:
            expired.deleted += rows
