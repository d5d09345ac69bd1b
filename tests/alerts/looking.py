"""Looking at rules again and again, and what was told meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.evaluate import Report, evaluate
from notifications.models import Job

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)


def told(**about: Any) -> list[str]:
    jobs = Job.objects.filter(**about).order_by("created_at", "id")
    return [kind.removeprefix("incident.") for kind in jobs.values_list("type", flat=True)]


def look(ticks: int, start: datetime = NOON) -> list[Report]:
    """Evaluate so many times, 30 s apart."""
    return [evaluate(now=start + number * TICK) for number in range(ticks)]
