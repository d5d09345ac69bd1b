"""Counting for rules, set by set: a handful of statements for all rules of a type, however many there are.

Logs count by the time at which they were received, so a late line never escapes a rule. The only other place that
counts is alerts.history, for the past.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from deployments.models import CALLED_OFF
from logs.models import Level

Counts = dict[UUID, int]  # by environment
LOOK_BACK = timedelta(days=90)  # a deployment that failed longer ago is nobody's news

# One scan of the longest window, every window counted in it: {windows} is a list of filtered counts. For errors it
# reads an index on (org_id, created_at) INCLUDE (environment_id) WHERE level = 'error', and nothing else.
_COUNT = """
SELECT org_id, environment_id, {level}, {windows}
FROM logs
WHERE org_id = ANY (%(orgs)s) AND created_at > %(longest)s AND created_at <= %(now)s{only}
GROUP BY 1, 2, 3
"""

# Failed deployments with no success after them, by when we learned of each.
_FAILED = """
SELECT f.environment_id, count(*), max(f.status_changed_at)
FROM deployments f
WHERE f.org_id = ANY (%(orgs)s) AND f.status = 'failure' AND f.outcome <> ALL (%(called_off)s)
    AND f.status_changed_at > %(since)s AND f.status_changed_at <= %(now)s
    AND NOT EXISTS (
        SELECT 1 FROM deployments s
        WHERE s.org_id = f.org_id AND s.environment_id = f.environment_id AND s.status = 'success'
            AND (s.status_changed_at, s.id) > (f.status_changed_at, f.id) AND s.status_changed_at <= %(now)s)
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rule wants counted: logs of `level` ("" is any) received within `window`."""

    org_id: UUID
    level: str
    window: timedelta


@dataclass(frozen=True, slots=True)
class Failures:
    """How many deployments in a row have failed, and when we learned of the last."""

    count: int
    last_at: datetime


def log_counts(wanted: Iterable[Wanted], now: datetime) -> Mapping[Wanted, Counts]:
    """Count what is wanted, by environment, in two statements: errors by their own index, and everything else."""
    every = set(wanted)
    errors = {each for each in every if each.level == Level.ERROR}
    found: dict[Wanted, Counts] = {each: {} for each in every}
    for group in (errors, every - errors):
        if group:
            _count(group, now, found)
    return found


def _count(wanted: Collection[Wanted], now: datetime, found: dict[Wanted, Counts]) -> None:
    windows = sorted({each.window for each in wanted})
    is_errors = all(each.level == Level.ERROR for each in wanted)
    names = [f"count(*) FILTER (WHERE created_at > %(since{n})s)" for n in range(len(windows))]
    sql = _COUNT.format(
        level="'error'" if is_errors else "level",
        windows=", ".join(names),
        only=" AND level = 'error'" if is_errors else "",
    )
    values: dict[str, Any] = {f"since{n}": now - window for n, window in enumerate(windows)}
    values |= {"orgs": list({each.org_id for each in wanted}), "longest": now - windows[-1], "now": now}
    by_org: dict[UUID, list[Wanted]] = defaultdict(list)
    for each in wanted:
        by_org[each.org_id].append(each)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for org_id, environment_id, level, *counts in cursor.fetchall():
            for each in by_org[org_id]:
                if each.level in {"", level}:
                    count = counts[windows.index(each.window)]
                    found[each][environment_id] = found[each].get(environment_id, 0) + count


def failed_deployments(org_ids: Collection[UUID], now: datetime) -> dict[UUID, Failures]:
    """Return, by environment, the deployments that failed since the last success."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"orgs": list(org_ids), "since": now - LOOK_BACK, "now": now}
        values["called_off"] = list(CALLED_OFF)
        cursor.execute(_FAILED, values)
        return {environment: Failures(count, last) for environment, count, last in cursor.fetchall()}
