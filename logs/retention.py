"""Deleting logs that are older than their service keeps them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from services.models import Service

_BATCH = 10_000  # rows in one transaction, so that nobody waits long for a lock

_DELETE = """
DELETE FROM logs WHERE org_id = %(org)s AND (ts, id) IN (
    SELECT ts, id FROM logs
    WHERE org_id = %(org)s AND service_id = %(service)s AND ts < %(before)s ORDER BY ts LIMIT %(limit)s)
"""


def delete_expired(now: datetime | None = None) -> int:
    """Delete what is past every service's `retention_days` at `now`, oldest first; returns how many rows."""
    now = now or timezone.now()
    return sum(_delete_of(service, now - timedelta(days=service.retention_days)) for service in Service.objects.all())


def _delete_of(service: Service, before: datetime) -> int:
    values: dict[str, Any] = {"org": service.org_id, "service": service.pk, "before": before, "limit": _BATCH}
    deleted = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, values)
            deleted += cursor.rowcount
            if cursor.rowcount < _BATCH:
                return deleted
