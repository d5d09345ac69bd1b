"""Logs to be sealed, and what is stored of them, as rows and in blocks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Org
from logs.models import LogEntry
from logs.storage import rollup
from logs.storage.blocks.rows import block_of
from logs.storage.blocks.table import SECTIONS, BlockRange, Head
from services.models import Service

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)


def write(service: Service, ages: list[timedelta], *, now: datetime = NOW, **fields: Any) -> None:
    """Store a log of each age, received as it was logged, and count them."""
    environment = service.environments.get(name="production")
    place = {"org_id": service.org_id, "service_id": service.pk, "environment_id": environment.pk}
    LogEntry.objects.bulk_create(
        LogEntry(
            **{"ts": now - age, "created_at": now - age, "level": "info", "message": f"old {number}", **place, **fields}
        )
        for number, age in enumerate(ages)
    )
    rollup.repair(org_id=service.org_id)


def sealed(org: Org) -> list[str]:
    """Return the messages of all blocks."""
    found: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute(*BlockRange(org.pk).heads())
        for head in [Head(*row) for row in cursor.fetchall()]:
            cursor.execute(*BlockRange(org.pk).sections(SECTIONS, [head.id]))
            found += block_of(head, cursor.fetchone()[1:]).rows().messages
    return found


def everything(org: Org) -> Counter[str]:
    """Return how often each message is stored, as a row or in a block."""
    return Counter(LogEntry.objects.values_list("message", flat=True)) + Counter(sealed(org))
