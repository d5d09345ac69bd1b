"""What a rule would have seen at every moment of the past: counts at moments 30 s apart, by environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alerts.targets import Environments, ParsedRule
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


def steps_received(
    read: ParsedRule,
    matching: Matching,
    environments: Environments,
    moments: Moments,
    *,
    since: datetime,
    seconds: float,
) -> Mapping[UUID, Mapping[int, int]]:
    """Count what matches and was received after `since`, by watched environment and number of the moment.

    Each counts with the first moment at which it was there; those before the first moment are negative. Raises
    BoundedQueryError.
    """
    rule = read.rule
    rows = count_steps(
        Query(rule.org_id, environments.scopes.get(rule.org_id, Scopes(())), since, matching),
        service_id=rule.service_id,
        environment_id=rule.environment_id,
        start=moments.start,
        end=moments.end,
        step=STEP,
        seconds=seconds,
    )
    arrived: dict[UUID, dict[int, int]] = defaultdict(dict)
    for environment_id, number, count in rows:
        if environments.is_watched(rule, environment_id):
            arrived[environment_id][number] = count
    return arrived


def sliding(arrived: Mapping[int, int], window: timedelta, moments: Moments) -> Series:
    """Give how many were received within `window` before each moment."""
    width = window // STEP
    total = sum(arrived.get(number, 0) for number in range(-width, 0))
    for number in range(moments.count):
        total += arrived.get(number, 0) - arrived.get(number - width, 0)
        yield number, total
