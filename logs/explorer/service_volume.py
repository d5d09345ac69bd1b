"""How much a service logs, and what that comes to on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.http import HttpRequest

from logs.storage.retention import expired_soon
from logs.storage.sizes import bytes_a_log
from pulseops.core.db.distribution import is_distributed
from pulseops.core.extensions import Panel
from services.models import Service

_TYPICAL_BYTES = 650  # a log with its indexes, before PostgreSQL has an estimate
_BYTES = """(
    SELECT sum(size) / sum(logs) FROM (
        SELECT pg_total_relation_size(c.oid) AS size, c.reltuples AS logs
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'logs'::regclass AND c.reltuples > 1000
        UNION ALL SELECT pg_total_relation_size('log_blocks'), (SELECT sum(count) FROM log_blocks)
    ) stored
)::float"""
_DAY = """
    SELECT environment_id, sum(count)::bigint, {bytes}
    FROM log_counts
    WHERE org_id = %s AND service_id = %s AND minute >= statement_timestamp() - interval '24 hours'
    GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Volume:
    """What a service logged in the last 24 hours, by environment, and the mean size of a stored log in bytes."""

    by_environment: dict[UUID, int]
    bytes_a_log: float
    retention: timedelta

    @property
    def day(self) -> int:
        """How many logs came in the last 24 hours."""
        return sum(self.by_environment.values())

    @property
    def bytes_a_day(self) -> float:
        """What a day like the last adds to the disk."""
        return self.day * self.bytes_a_log

    @property
    def bytes_in_all(self) -> float:
        """What its logs take once as much goes by retention as comes."""
        return self.bytes_a_day * self.retention.days


def volume_of(service: Service) -> Volume:
    """Measure what `service` logs; one query, on Citus some more."""
    is_on_workers = is_distributed()
    with connection.cursor() as cursor:
        cursor.execute(_DAY.format(bytes="NULL" if is_on_workers else _BYTES), [service.org_id, service.pk])
        rows = cursor.fetchall()
    by_environment = {environment_id: int(count) for environment_id, count, _ in rows}
    known = bytes_a_log() if is_on_workers and rows else next((each for _, _, each in rows if each), None)
    return Volume(by_environment, known or _TYPICAL_BYTES, timedelta(days=service.retention_days))


def service_panel(_request: HttpRequest, service: Service) -> Panel | None:
    """Show on a service's page how much it logs, and where its share of the disk goes."""
    volume = volume_of(service)
    if not volume.day:
        return None
    environments = [
        (environment, volume.by_environment[environment.pk])
        for environment in service.environments.all()
        if environment.pk in volume.by_environment
    ]
    values = {"volume": volume, "environments": environments if len(environments) > 1 else []}
    return Panel("Log volume", "logs/_service_panel.html", values, anchor="log-volume")


def logs_that_would_go(service: Service, retention_days: int) -> int:
    """Return how many logs of `service` go with the next clean-up if it keeps them for `retention_days`."""
    return expired_soon(service, retention_days)
