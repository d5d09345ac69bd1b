"""What a rule would have seen at every moment of the past: counts at moments 30 s apart, by environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alerts.params import ErrorCountParams
from alerts.targets import Environments, ParsedRule
from deployments.queries import ended_between
from logs.reading import Matching, Query, count_steps
from services.scopes import Scopes

STEP = timedelta(seconds=30)


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


def series_of(read: ParsedRule, places: Environments, moments: Moments, seconds: float) -> Mapping[UUID, Series]:
    """Return what the rule would have counted, by environment. Raises BoundedQueryError."""
    if isinstance(read.params, ErrorCountParams):
        return _log_series(read, read.params, places, moments, seconds)
    return _deployment_series(read, places, moments)


def _log_series(
    read: ParsedRule, params: ErrorCountParams, places: Environments, moments: Moments, seconds: float
) -> Mapping[UUID, Series]:
    rule = read.rule
    window = timedelta(minutes=params.window_minutes)
    matching = Matching(params.level, params.query)
    rows = count_steps(
        Query(rule.org_id, places.scopes.get(rule.org_id, Scopes(())), moments.start - window, matching),
        service_id=rule.service_id,
        environment_id=rule.environment_id,
        start=moments.start,
        end=moments.end,
        step=STEP,
        seconds=seconds,
    )
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
    rows = ended_between(read.rule.org_id, moments.start, moments.end)
    ended: dict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
    for environment_id, at, has_failed in rows:
        if places.is_watched(read.rule, environment_id):
            ended[environment_id].append((at, has_failed))
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
