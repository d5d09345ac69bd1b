"""Counting for the rules of one organisation: a statement for all plain windows, and one for each filter.

No statement mixes what two organisations wrote, and all of one organisation's share its time: what does not fit waits
for its next turn. Logs count by the time at which they were received, so a late line never escapes a rule. The only
other place that counts is alerts.history, for the past.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from logs.models import Level
from logs.reading import Matching, Query, count_received, count_received_matching
from pulseops.core.budget import TimeBudget
from pulseops.core.db.statement_timeout import BoundedQueryError, QueryFailedError, QueryTimeoutError
from services.scopes import Scopes

log = logging.getLogger(__name__)
Counts = dict[UUID, int]  # by environment
_FAIR_SHARE = 0.45  # of the organisation's time; a count that had as much and is not done is too slow by itself


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rule wants counted: logs of `level` ("" is any) that match `query`, received within `window`."""

    org_id: UUID
    level: str
    window: timedelta
    query: str = ""


@dataclass(slots=True)
class Counted:
    """What came of counting: the counts, what is too slow or cannot be run at all, and what is next if time was up."""

    counts: dict[Wanted, Counts] = field(default_factory=dict)
    slow: set[Wanted] = field(default_factory=set)
    failed: dict[Wanted, str] = field(default_factory=dict)
    next: Wanted | None = None


def log_counts(wanted: Sequence[Wanted], scopes: Scopes, now: datetime, budget: TimeBudget) -> Counted:
    """Count what one organisation wants, by environment, in the order of `wanted`, within what is left of `budget`.

    What is plain (without a filter) is counted first and together; only if that takes half of the time, one by one.
    """
    every = list(dict.fromkeys(wanted))
    counted = Counted()
    plain = [each for each in every if not each.query]
    errors = [each for each in plain if each.level == Level.ERROR]
    for group in (errors, [each for each in plain if each.level != Level.ERROR]):
        if group:
            _count_together(group, now, budget, counted)
    _count_each([each for each in every if each not in counted.counts], scopes, now, budget, counted)
    return counted


def _count_together(group: Collection[Wanted], now: datetime, budget: TimeBudget, counted: Counted) -> None:
    try:
        counted.counts.update(_plain_counts(group, now, budget.left / 2))
    except BoundedQueryError:
        log.info("an organisation's windows are counted one by one", extra={"windows": len(group)})


def _count_each(wanted: Sequence[Wanted], scopes: Scopes, now: datetime, budget: TimeBudget, counted: Counted) -> None:
    for number, each in enumerate(wanted):
        # Half of what is left, so that what is slow leaves time for what is quick; the first gets on in any case.
        seconds = budget.left / 2 if number else budget.seconds / 2
        if seconds <= 0:
            counted.next = counted.next or each
            return
        try:
            if each.query:
                counted.counts[each] = _filtered_counts(each, scopes, now, seconds)
            else:
                counted.counts |= _plain_counts([each], now, seconds)
        except QueryFailedError as error:
            counted.failed[each] = f"The filter cannot be searched: {error.reason}."
        except QueryTimeoutError:
            if seconds >= budget.seconds * _FAIR_SHARE:
                counted.slow.add(each)
            else:
                counted.next = counted.next or each


def _plain_counts(wanted: Collection[Wanted], now: datetime, seconds: float) -> dict[Wanted, Counts]:
    windows = sorted({each.window for each in wanted})
    only_errors = all(each.level == Level.ERROR for each in wanted)
    org_id = next(iter(wanted)).org_id
    result: dict[Wanted, Counts] = {each: {} for each in wanted}
    for row in count_received(org_id, windows, now, only_errors=only_errors, seconds=seconds):
        for each in wanted:
            if each.level in {"", row.level}:
                count = row.counts[windows.index(each.window)]
                result[each][row.environment_id] = result[each].get(row.environment_id, 0) + count
    return result


def _filtered_counts(wanted: Wanted, scopes: Scopes, now: datetime, seconds: float) -> Counts:
    query = Query(wanted.org_id, scopes, now - wanted.window, Matching(wanted.level, wanted.query))
    return count_received_matching(query, now, seconds=seconds)
