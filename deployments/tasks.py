"""The jobs of this app."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.queries import live_orgs
from pulseops.core.jobs.registry import Result, recorded_job

DELIVERIES_KEPT = timedelta(days=30)
_BATCH = 5_000  # rows a statement, so that none holds its locks for long

_STAY = 10  # of the newest deployments of an environment, however old

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
    statement = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < %(before)s LIMIT %(batch)s)"  # noqa: S608
    return _delete_in_batches(statement, {"before": before, "batch": _BATCH})


# By idx_deployments_org_ts; what is newer in an environment by idx_deployments_env_ts.
_OLDEST_OF_MOST = """
    SELECT created_at FROM deployments WHERE org_id = %(org)s ORDER BY created_at DESC, id DESC OFFSET %(most)s LIMIT 1
"""
_DELETE = """
    DELETE FROM deployments WHERE org_id = %(org)s AND id IN (
        SELECT d.id FROM deployments d
        WHERE d.org_id = %(org)s AND d.created_at <= %(until)s AND %(stay)s <= (SELECT count(*) FROM (
            SELECT FROM deployments newer
            WHERE newer.environment_id = d.environment_id AND (newer.created_at, newer.id) > (d.created_at, d.id)
            LIMIT %(stay)s
        ) few)
        ORDER BY d.created_at LIMIT %(batch)s
    )
"""


@recorded_job("trim_deployments", every=timedelta(hours=6))
def trim_deployments() -> Result:
    """Delete deployments that began DEPLOYMENT_RETENTION_DAYS ago, and the oldest beyond DEPLOYMENTS_PER_ORG.

    The newest of each environment stay: what runs there now is known, however long ago it was deployed.
    """
    return {"deployments": sum(map(_trim_org, live_orgs().values_list("pk", flat=True)))}


def _trim_org(org_id: UUID) -> int:
    until = timezone.now() - timedelta(days=settings.DEPLOYMENT_RETENTION_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_OF_MOST, {"org": org_id, "most": settings.DEPLOYMENTS_PER_ORG})
        for (oldest,) in cursor.fetchall():
            until = max(until, oldest)
    values = {"org": org_id, "until": until, "stay": _STAY, "batch": _BATCH}
    return _delete_in_batches(_DELETE, values)


def _delete_in_batches(statement: str, values: Mapping[str, Any]) -> int:
    deleted = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            deleted += cursor.rowcount
            if cursor.rowcount < _BATCH:
                return deleted
