"""How much an organisation may send, take away and keep under a name: logs and bytes a day, exports, saved views.

What is sent is added up in each process and written every few seconds, so that a batch pays for a few additions. An
organisation may so send more than its quota, for as long as that takes; what a process that is killed had not written
yet is not counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet

from accounts import usage
from accounts.models import Org
from accounts.quotas import QUOTAS, Quota, QuotaError, register, register_limit
from accounts.refused import note_refused
from logs.models import SavedView
from pulseops.core.web.json_errors import ApiError

log = logging.getLogger(__name__)
_WRITE_SECONDS = 5.0
_ASK_SECONDS = 30.0  # an organisation that has used up its quota may have been given more
_MAX_ORGS = 10_000  # in one process's memory
LOGS, BYTES, EXPORTS = "logs", "bytes", "exports"


@dataclass(slots=True)
class _Day:
    """What one organisation has sent on a day: what this process has not written yet, and the total that it knows."""

    start: datetime
    logs: int = 0
    bytes: int = 0
    total_logs: int = 0
    total_bytes: int = 0
    written_at: float = field(default=-_ASK_SECONDS)  # time.monotonic()
    refusal: Quota | None = None  # the quota that is used up

    def learn(self, logs: int, size: int) -> None:
        """Take the total of all processes, and see whether it is a quota."""
        self.total_logs, self.total_bytes = logs, size
        used_up = (QUOTAS[name] for name, total in ((LOGS, logs), (BYTES, size)) if 0 < QUOTAS[name].limit <= total)
        self.refusal = next(used_up, None)


class IngestMeter:
    """Counts what organisations send in this process, and refuses who has sent enough for the day."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._days: dict[UUID, _Day] = {}

    def check(self, org_id: UUID) -> None:
        """Raise ApiError 429 where the organisation has sent as much as it may today (UTC)."""
        day = self._days.get(org_id)
        if day is None or day.refusal is None:
            return
        if self._now() - day.written_at > _ASK_SECONDS or day.start != usage.period_start(usage.DAY):
            day = self._write(org_id)
        else:
            day.learn(day.total_logs, day.total_bytes)  # the quota may be another by now
        if quota := day.refusal:
            message = f"This organisation may send {quota.limit:,} {quota.noun} a day (UTC), and has."
            left = usage.seconds_left(usage.DAY)
            raise ApiError("RATE_LIMITED", message, retry_after=left, limit=quota.setting)

    def add(self, org_id: UUID, *, logs: int, size: int) -> None:
        """Count what was stored; `size` is in bytes. Never fails: the sender has its answer."""
        with self._lock:
            day = self._days.get(org_id) or self._begin(org_id)
            day.logs += logs
            day.bytes += size
            is_due = self._now() - day.written_at > _WRITE_SECONDS
        if is_due:
            try:
                self._write(org_id)
            except DatabaseError:
                log.exception("what an organisation has sent could not be counted", extra={"org_id": str(org_id)})

    def _begin(self, org_id: UUID) -> _Day:
        if len(self._days) >= _MAX_ORGS:
            self._days.clear()
        day = self._days[org_id] = _Day(usage.period_start(usage.DAY))
        return day

    def _write(self, org_id: UUID) -> _Day:
        """Write what was added up, and learn what all processes have counted."""
        with self._lock:
            old = self._days.get(org_id) or self._begin(org_id)
            day = self._days[org_id] = _Day(usage.period_start(usage.DAY))
            if old.start == day.start:
                day.learn(old.total_logs, old.total_bytes)
            day.written_at = self._now()
        logs = usage.spend(org_id, LOGS, limit=0, period=usage.DAY, amount=old.logs)
        size = usage.spend(org_id, BYTES, limit=0, period=usage.DAY, amount=old.bytes)
        day.learn(logs or 0, size or 0)
        return day


ingest_meter = IngestMeter()


def spend_export(org: Org) -> None:
    """Count an export of logs; raises QuotaError beyond QUOTA_EXPORTS_PER_DAY."""
    limit = settings.QUOTA_EXPORTS_PER_DAY
    if usage.spend(org.pk, EXPORTS, limit=limit, period=usage.DAY) is None:
        note_refused(org.pk, QUOTAS[EXPORTS].setting)
        raise QuotaError(QUOTAS[EXPORTS])


def _views(org: Org) -> Sequence[QuerySet[Any]]:
    return (SavedView.objects.for_org(org),)


register_limit(
    Quota("INGEST_LARGE_BODIES", "bodies above 5 MiB", period="at once in a web process, of all organisations")
)
register(LOGS, Quota("QUOTA_LOGS_PER_DAY", "logs", period="a day"))
register(BYTES, Quota("QUOTA_BYTES_PER_DAY", "bytes of logs", period="a day"))
register(EXPORTS, Quota("QUOTA_EXPORTS_PER_DAY", "exports of logs", period="a day"))
register("views", Quota("QUOTA_VIEWS", "saved views", _views))
