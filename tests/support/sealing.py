"""Sealing in tests: all rows that there are, whatever their time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from logs.models import LogEntry
from logs.storage.blocks.rows import BLOCK_LOGS, EARLIEST, Stretch
from logs.storage.blocks.seal import seal_oldest
from logs.storage.blocks.table import Place
from services.queries import all_environments


def seal_everything(until: datetime | None = None, *, most: int = BLOCK_LOGS) -> int:
    """Seal all logs, or those whose time is before `until`, `most` in a block; returns how many."""
    sealed, later = 0, timezone.now() + timedelta(days=400)
    for ids in all_environments():
        stretch = Stretch(Place(*ids), EARLIEST, until or later, later)
        while step := seal_oldest(stretch, most):
            sealed, stretch = sealed + step.logs, step.rest
    assert until or not LogEntry.objects.exists()
    return sealed
