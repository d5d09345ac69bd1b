"""The two axes of a chart: where a time is along it and a count up it, and the words that stand beside."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from pulseops.core.ui.times import DAY, is_doubled, local_midnight, zone_label


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid, a tick, a marker or the threshold, at `place` (percent or pixels) with its words."""

    place: str
    label: str
    anchor: str = "middle"
    url: str = ""
    tone: str = ""
    count: int = 1  # how many it stands for


class Extent:
    """From when to when a chart goes."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        self.seconds = max((self.end - self.start).total_seconds(), 0.001)

    def holds(self, moment: datetime) -> bool:
        """Return whether the chart shows `moment`."""
        return self.start <= moment < self.end

    def share(self, moment: datetime) -> float:
        """Return where `moment` is, in percent of the width; at an end if it is beyond that."""
        inside = min(max(moment, self.start), self.end)
        return (inside - self.start).total_seconds() / self.seconds * 100


@dataclass(frozen=True, slots=True)
class Scale:
    """How high a chart is: its highest bar, of `peak`, goes from `bottom` to `top` (pixels)."""

    top: int
    bottom: int
    peak: float

    def length(self, count: float) -> float:
        """Return how many pixels `count` is."""
        return count / self.peak * (self.bottom - self.top)


def nice_ceiling(count: float) -> int:
    """Return the least 1, 2, 4, 5 or 8 times a power of ten that is not below `count`; never below 2."""
    power = 10 ** max(0, math.floor(math.log10(max(count, 1))))
    result = next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= count)
    return max(2, result)


def grid(scale: Scale) -> tuple[Line, ...]:
    """Return the lines of the whole and of half the height."""
    steps = (scale.peak, scale.peak / 2)
    return tuple(Line(f"{scale.bottom - scale.length(step):.2f}", _count(step)) for step in steps)


def _count(count: float) -> str:
    return f"{count:,.0f}" if count < 10_000 else f"{count / 1000:,.0f}k"


_FRACTIONS = (0.005, 0.01, 0.05, 0.1, 0.5)
_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200)
_DAYS = (1, 2, 7, 14)
_STEPS = [timedelta(seconds=s) for s in (*_FRACTIONS, *_SECONDS)] + [timedelta(days=d) for d in _DAYS]


def ticks(extent: Extent, wanted: int = 7) -> tuple[Line, ...]:
    """Place words of the time axis on round times of the active zone."""
    step = next((s for s in _STEPS if extent.seconds / s.total_seconds() <= wanted), None)
    step = step or timedelta(days=math.ceil(extent.seconds / wanted / DAY))
    values = []
    for at in _round_times(extent, step):
        share = extent.share(at)
        if 2 < share < 97:
            values.append(Line(percent(share), _tick_label(at, step)))
    return tuple(values)


def _round_times(extent: Extent, step: timedelta) -> Iterator[datetime]:
    """Yield the multiples of `step` of the local day, in UTC.

    Steps of hours and more go by the clock on the wall, so that days begin at midnight also after the clocks change;
    shorter ones by time that passes, so that an hour that comes twice has all its ticks.
    """
    if step < timedelta(seconds=1):  # of which a day has too many
        yield from _fractions(extent, step)
        return
    midnight = local_midnight(extent.start)
    wall = timezone.localtime(midnight)
    at = midnight
    while at < extent.end:
        if at >= extent.start:
            yield at
        wall += step
        at = wall.astimezone(UTC) if step > timedelta(hours=1) else at + step


def _fractions(extent: Extent, step: timedelta) -> Iterator[datetime]:
    at = extent.start.replace(microsecond=0)
    at += -(-(extent.start - at) // step) * step
    while at < extent.end:
        yield at
        at += step


def _tick_label(at: datetime, step: timedelta) -> str:
    local = timezone.localtime(at)
    if step >= timedelta(days=1) or (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local.day} {local:%b}"
    clock = f"{local:%H:%M:%S}" if step < timedelta(minutes=1) else f"{local:%H:%M}"
    if step < timedelta(seconds=1):
        clock += f".{local.microsecond // 1000:03d}"
    return f"{clock} {zone_label(at)}" if is_doubled(at) else clock


def percent(share: float) -> str:
    """Write a share of the width."""
    return f"{share:.3f}%"
