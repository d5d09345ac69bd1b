"""Counting what the ingest rules did: in memory for a moment, then in the database."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from logs.ingest.columns import Batch
from logs.models import RuleCount
from services.authentication import KeyScope
from services.models import Service

log = logging.getLogger(__name__)
GATHER_SECONDS = 2.0
KEPT = timedelta(days=30)
SHOWN = timedelta(days=7)
_ADD = """
    INSERT INTO log_rule_counts AS counted (org_id, service_id, day, kind, rule, count)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (service_id, day, kind, rule) DO UPDATE SET count = counted.count + excluded.count
"""
_Key = tuple[UUID, UUID, date, str, str]  # organisation, service, day, kind, rule


class _Gathered:
    """Counts of this process that are not in the database yet; what it still holds when it is killed is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[_Key] = Counter()
        self._since = 0.0

    @property
    def is_empty(self) -> bool:
        return not self._counts

    def add(self, scope: KeyScope, batch: Batch) -> None:
        day = timezone.now().date()
        with self._lock:
            if not self._counts:
                self._since = time.monotonic()
            for kind, counts in ((RuleCount.Kind.REDACTED, batch.redacted), (RuleCount.Kind.DROPPED, batch.dropped)):
                for rule, times in counts.items():
                    self._counts[scope.org_id, scope.service_id, day, kind, rule] += times

    def take(self, *, after: float) -> Counter[_Key]:
        with self._lock:
            if not self._counts or time.monotonic() - self._since < after:
                return Counter()
            taken, self._counts = self._counts, Counter()
            return taken


_gathered = _Gathered()


def note_counts(scope: KeyScope, batch: Batch) -> None:
    """Count what the rules did to a batch that is stored; now and then write down what was gathered."""
    if batch.redacted or batch.dropped:
        _gathered.add(scope, batch)
    if not _gathered.is_empty:
        write_counts(after=GATHER_SECONDS)


def write_counts(*, after: float = 0.0) -> None:
    """Write what was gathered, if the first of it is `after` seconds old. What cannot be written is left out."""
    for key, count in sorted(_gathered.take(after=after).items()):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_ADD, [*key, count])
        except IntegrityError:  # the service was deleted this very moment
            continue
        except DatabaseError:
            log.exception("what ingest rules did could not be counted")


@dataclass(frozen=True, slots=True)
class RuleTotal:
    """What one rule did in the days that pages show."""

    kind: str
    rule: str
    count: int


def totals(service: Service) -> Sequence[RuleTotal]:
    """Return what each rule of `service` did in the last seven days, those that did most first."""
    rows = RuleCount.objects.filter(org=service.org_id, service=service, day__gt=timezone.now().date() - SHOWN)
    grouped = rows.values_list("kind", "rule").annotate(total=Sum("count")).order_by("-total", "rule")
    return [RuleTotal(*row) for row in grouped[:40]]


def trim_counts() -> int:
    """Delete counts of days that no one looks at any more."""
    deleted, _ = RuleCount.objects.filter(day__lt=timezone.now().date() - KEPT).delete()
    return deleted
