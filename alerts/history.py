"""What a rule would have seen at every moment of the past: counts at moments 30 s apart, by environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.filters import compiled
from alerts.params import ErrorCountParams
from alerts.targets import Environments, ParsedRule
from deployments.models import CALLED_OFF, Deployment
from pulseops.core.db.statement_timeout import fetch_within
from services.scopes import Scopes

STEP = timedelta(seconds=30)
_SECONDS = 5.0  # that counting may take

# How many came in each step: number n is (start + (n - 1) steps, start + n steps], as the live window is open below.
_STEPS = """
SELECT environment_id, ceil(extract(epoch FROM created_at - %s) / %s)::int, count(*) FROM logs
WHERE org_id = %s AND created_at > %s AND created_at <= %s AND (%s = '' OR level = %s)
    AND (%s::uuid IS NULL OR service_id = %s) AND (%s::uuid IS NULL OR environment_id = %s) AND ({filter})
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of the past, `STEP` apart: `start` is the first, and there are `count` of them."""

    start: datetime
    count: int

    def at(self, number: int) -> datetime:
        """Return the moment of that number, from 0."""
        return self.start + number * STEP

    @property
    def end(self) -> datetime:
        """The last moment."""
        return self.at(self.count - 1)


Series = Iterator[tuple[int, int]]  # the number of a moment, and the count there; moments with nothing may be left out


def series_of(read: ParsedRule, places: Environments, moments: Moments) -> Mapping[UUID, Series]:
    """Return what the rule would have counted, by environment. Raises BoundedQueryError."""
    if isinstance(read.params, ErrorCountParams):
        return _log_series(read, read.params, places, moments)
    return _deployment_series(read, places, moments)


def _log_series(
    read: ParsedRule, params: ErrorCountParams, places: Environments, moments: Moments
) -> Mapping[UUID, Series]:
    rule = read.rule
    condition = compiled(params.query, places.scopes.get(rule.org_id, Scopes(())))
    window = timedelta(minutes=params.window_minutes)
    values: list[Any] = [moments.start, STEP // timedelta(seconds=1), rule.org_id, moments.start - window, moments.end]
    values += [params.level, params.level, rule.service_id, rule.service_id, rule.environment_id, rule.environment_id]
    rows = fetch_within(_SECONDS, _STEPS.format(filter=condition.sql), [*values, *condition.params])
    arrived: dict[UUID, dict[int, int]] = defaultdict(dict)
    for environment_id, number, count in rows:
        if places.is_watched(rule, environment_id):
            arrived[environment_id][number] = count
    width = window // STEP
    return {each: _sliding(steps, width, moments.count) for each, steps in arrived.items()}


def _sliding(arrived: Mapping[int, int], width: int, count: int) -> Series:
    """Give the sum of the last `width` steps at each moment."""
    total = sum(arrived.get(number, 0) for number in range(-width, 0))
    for number in range(count):
        total += arrived.get(number, 0) - arrived.get(number - width, 0)
        yield number, total


def _deployment_series(read: ParsedRule, places: Environments, moments: Moments) -> Mapping[UUID, Series]:
    rows = (
        Deployment.objects.filter(org_id=read.rule.org_id, status_changed_at__lte=moments.end)
        .filter(status_changed_at__gte=moments.start)
        .exclude(status=Deployment.Status.PENDING)
        .exclude(outcome__in=CALLED_OFF)
        .order_by("status_changed_at", "pk")
        .values_list("environment_id", "status_changed_at", "status")
    )
    ended: dict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
    for environment_id, at, status in rows:
        if places.is_watched(read.rule, environment_id):
            ended[environment_id].append((at, status == Deployment.Status.FAILURE))
    return {each: _in_a_row(events, moments) for each, events in ended.items()}


def _in_a_row(events: list[tuple[datetime, bool]], moments: Moments) -> Series:
    """Give how many deployments in a row have failed at each moment."""
    failed, upcoming = 0, iter(events)
    event = next(upcoming, None)
    for number in range(moments.count):
        while event and event[0] <= moments.at(number):
            failed = failed + 1 if event[1] else 0
            event = next(upcoming, None)
        yield number, failed
