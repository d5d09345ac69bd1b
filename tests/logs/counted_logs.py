"""Logs that are written by other means than ingest, and what is counted of all there are."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from logs.models import LogEntry
from logs.storage import rollup
from services.models import Environment


def write(environment: Environment, *moments: datetime, level: str = "info", text: str = "x") -> None:
    scope = {"org": environment.service.org, "service": environment.service, "environment": environment}
    LogEntry.objects.bulk_create(LogEntry(**scope, ts=at, level=level, message=f"{text} {at}") for at in moments)
    rollup.repair()


def as_counted() -> dict[tuple[object, ...], int]:
    """What log_counts says, and a proof that the rows say the same."""
    scope = "org_id, service_id, environment_id"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {scope}, minute, level, sum(count) FROM log_counts GROUP BY 1, 2, 3, 4, 5")
        said = {tuple(row[:5]): int(row[5]) for row in cursor.fetchall()}
        cursor.execute(f"SELECT {scope}, date_trunc('minute', ts), level, count(*) FROM logs GROUP BY 1, 2, 3, 4, 5")
        assert said == {tuple(row[:5]): row[5] for row in cursor.fetchall()}
    return said
