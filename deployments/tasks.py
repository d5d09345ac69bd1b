"""The jobs of this app."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from pulseops.core.jobs.registry import Result, recorded_job

DELIVERIES_KEPT = timedelta(days=30)
_BATCH = 5_000  # rows a statement, so that none holds its locks for long

_TRIM = {
    "webhook_effects": "received_at",
    "webhook_deliveries": "created_at",
}


@recorded_job("trim_webhook_deliveries", every=timedelta(hours=6))
def trim_webhook_deliveries() -> Result:
    """Delete webhook deliveries and the lines of the delivery logs that are older than 30 days; deployments stay."""
    before = timezone.now() - DELIVERIES_KEPT
    return {table: _delete_older(table, column, before) for table, column in _TRIM.items()}


def _delete_older(table: str, column: str, before: datetime) -> int:
    deleted = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < %s LIMIT %s)",  # noqa: S608
                [before, _BATCH],
            )
            deleted += cursor.rowcount
            if cursor.rowcount < _BATCH:
                return deleted
