"""Counting for rules, set by set: a handful of statements for all rules of a type, however many there are.

Logs count by the time at which they were received, so a late line never escapes a rule. The only other place that
counts is alerts.history, for the past.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from alerts.filters import compiled
from deployments.models import CALLED_OFF
from logs.models import Level
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within
from services.scopes import Scopes

log = logging.getLogger(__name__)
Counts = dict[UUID, int]  # by environment
LOOK_BACK = timedelta(days=90)  # a deployment that failed longer ago is nobody's news
_TOGETHER = 50  # filters counted in one statement
_ALL_SECONDS, _ONE_SECONDS = 10.0, 2.0  # that counting may take

# One scan of the longest window, every window counted in it: {windows} is a list of filtered counts. For errors it
# reads logs_error_received_idx and nothing else, for other levels the pages that logs_received_idx (BRIN) names.
_COUNT = """
SELECT org_id, environment_id, {level}, {windows}
FROM logs
WHERE org_id = ANY (%(orgs)s) AND created_at > %(longest)s AND created_at <= %(now)s{only}
GROUP BY 1, 2, 3
"""

# One filter of one organisation; several of these are joined by UNION ALL.
_COUNT_FILTERED = """
SELECT %s::int, environment_id, count(*) FROM logs
WHERE org_id = %s AND created_at > %s AND created_at <= %s AND (%s = '' OR level = %s) AND ({filter})
GROUP BY environment_id
"""

# Failed deployments with no success after them, by when we learned of each. What was called off did not fail.
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
    """What a rule wants counted: logs of `level` ("" is any) that match `query`, received within `window`."""

    org_id: UUID
    level: str
    window: timedelta
    query: str = ""


@dataclass(frozen=True, slots=True)
class Failures:
    """How many deployments in a row have failed, and when we learned of the last."""

    count: int
    last_at: datetime


def log_counts(wanted: Iterable[Wanted], scopes: Mapping[UUID, Scopes], now: datetime) -> Mapping[Wanted, Counts]:
    """Count what is wanted, by environment: errors, other levels, and what has a filter.

    `scopes` are the organisations' services, for the filters. What took too long to count is left out.
    """
    every = set(wanted)
    plain = {each for each in every if not each.query}
    errors = {each for each in plain if each.level == Level.ERROR}
    found: dict[Wanted, Counts] = {each: {} for each in plain}
    for group in (errors, plain - errors):
        if group:
            _count(group, now, found)
    filtered = sorted(every - plain, key=lambda each: (each.org_id, each.query, each.level, each.window))
    for start in range(0, len(filtered), _TOGETHER):
        _count_filtered(filtered[start : start + _TOGETHER], scopes, now, found)
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


def _count_filtered(
    wanted: list[Wanted], scopes: Mapping[UUID, Scopes], now: datetime, found: dict[Wanted, Counts]
) -> None:
    """Count for several filters at once; if that takes too long, for each by itself: only the slow one fails."""
    parts, values = [], []
    for number, each in enumerate(wanted):
        condition = compiled(each.query, scopes.get(each.org_id, Scopes(())))
        parts.append(_COUNT_FILTERED.format(filter=condition.sql))
        values += [number, each.org_id, now - each.window, now, each.level, each.level, *condition.params]
    try:
        rows = fetch_within(_ALL_SECONDS if len(wanted) > 1 else _ONE_SECONDS, " UNION ALL ".join(parts), values)
    except QueryTimeoutError:
        if len(wanted) == 1:
            log.warning("a rule's filter takes too long", extra={"org": str(wanted[0].org_id)})
            return
        for each in wanted:
            _count_filtered([each], scopes, now, found)
        return
    found.update({each: {} for each in wanted})
    for number, environment_id, count in rows:
        found[wanted[number]][environment_id] = count


def failed_deployments(org_ids: Collection[UUID], now: datetime) -> dict[UUID, Failures]:
    """Return, by environment, the deployments that failed since the last success."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"orgs": list(org_ids), "since": now - LOOK_BACK, "now": now}
        values["called_off"] = list(CALLED_OFF)
        cursor.execute(_FAILED, values)
        return {environment: Failures(count, last) for environment, count, last in cursor.fetchall()}
