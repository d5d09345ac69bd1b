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
from uuid import UUID

from logs.models import Level
from logs.reading import Matching, Query, count_received, count_received_matching
from pulseops.core.db.statement_timeout import BoundedQueryError
from services.scopes import Scopes

log = logging.getLogger(__name__)
Counts = dict[UUID, int]  # by environment
_TOGETHER = 50  # filters counted in one statement
_ALL_SECONDS, _ONE_SECONDS = 10.0, 2.0  # that counting may take


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rule wants counted: logs of `level` ("" is any) that match `query`, received within `window`."""

    org_id: UUID
    level: str
    window: timedelta
    query: str = ""


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
    by_org: dict[UUID, list[Wanted]] = defaultdict(list)
    for each in wanted:
        by_org[each.org_id].append(each)
    only_errors = all(each.level == Level.ERROR for each in wanted)
    for row in count_received(by_org, windows, now, only_errors=only_errors):
        for each in by_org[row.org_id]:
            if each.level in {"", row.level}:
                count = row.counts[windows.index(each.window)]
                found[each][row.environment_id] = found[each].get(row.environment_id, 0) + count


def _count_filtered(
    wanted: list[Wanted], scopes: Mapping[UUID, Scopes], now: datetime, found: dict[Wanted, Counts]
) -> None:
    """Count for several filters at once; if that takes too long, for each by itself: only the slow one fails."""
    queries = [
        Query(each.org_id, scopes.get(each.org_id, Scopes(())), now - each.window, Matching(each.level, each.query))
        for each in wanted
    ]
    try:
        counts = count_received_matching(queries, now, seconds=_ALL_SECONDS if len(wanted) > 1 else _ONE_SECONDS)
    except BoundedQueryError:
        if len(wanted) == 1:
            log.warning("a rule's filter takes too long", extra={"org": str(wanted[0].org_id)})
            return
        for each in wanted:
            _count_filtered([each], scopes, now, found)
        return
    found.update(zip(wanted, counts, strict=True))
