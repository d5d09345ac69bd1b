"""The time range of a page, as `from` and `to` write it.

-15m  -1h  -7d  -2w     so long before now (s, m, h, d, w): relative, and stays so in a bookmark
2026-03-17T08:00:00Z    ISO 8601; without an offset in the reader's zone; a date alone is its midnight
(empty)                 `from`: DEFAULT_FROM; `to`: open, so lines whose sender's clock is ahead are seen as well
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from logs.cursor import EARLIEST, LATEST
from logs.search.slices import Window

DEFAULT_FROM = "-1h"
PRESETS = (
    ("-5m", "Last 5 minutes"),
    ("-15m", "Last 15 minutes"),
    ("-30m", "Last 30 minutes"),
    ("-1h", "Last hour"),
    ("-4h", "Last 4 hours"),
    ("-12h", "Last 12 hours"),
    ("-24h", "Last 24 hours"),
    ("-2d", "Last 2 days"),
    ("-7d", "Last 7 days"),
    ("-30d", "Last 30 days"),
    ("-365d", "Last year"),
)
AHEAD = timedelta(hours=25)  # ingest takes lines up to 24 h ahead of its clock
_RELATIVE = re.compile(r"-([0-9]{1,6})([smhdw])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMS = "Write -1h, -7d or a time such as 2026-03-17T08:00."
_SHORTEST = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`window` is what is searched; [start, end) what the page says and draws. `problems` are for the reader."""

    window: Window
    start: datetime
    end: datetime
    is_open: bool  # goes on to whatever comes
    problems: tuple[str, ...] = ()


def is_relative(text: str) -> bool:
    """Return whether `text` counts back from now, as -1h does."""
    return _RELATIVE.match(text) is not None


def read_range(since: str, until: str, *, now: datetime) -> TimeRange:
    """Read `from` and `to`; what cannot be read is reported and taken as if it were empty."""
    problems: list[str] = []
    start = _moment(since or DEFAULT_FROM, now, problems, "from") or now - timedelta(hours=1)
    end = _moment(until, now, problems, "to") if until else None
    if end is None:
        if start >= now:
            problems.append("The range begins in the future.")
            start = min(start, now + AHEAD - _SHORTEST)
        return TimeRange(Window(start, now + AHEAD), start, max(now, start + _SHORTEST), True, tuple(problems))
    if end < start:
        problems.append("From was after to: they were swapped.")
        start, end = end, start
    end = max(end, start + _SHORTEST)
    return TimeRange(Window(start, end), start, end, False, tuple(problems))


def _moment(text: str, now: datetime, problems: list[str], name: str) -> datetime | None:
    text = text.strip()
    relative = _RELATIVE.match(text)
    try:
        if relative:
            result = now - timedelta(**{_UNITS[relative.group(2)]: int(relative.group(1))})
        else:
            result = datetime.fromisoformat(text)
            # Of an hour that comes twice `from` means the first and `to` the second, so that a range has both.
            result = timezone.make_aware(result.replace(fold=name == "to")) if timezone.is_naive(result) else result
        return _inside(result.astimezone(UTC), problems, name)
    except (ValueError, OverflowError):
        problems.append(f"“{text[:40]}” is not a time, so {name} was ignored. {_FORMS}")
        return None


def _inside(found: datetime, problems: list[str], name: str) -> datetime:
    inside = min(max(found, EARLIEST), LATEST - timedelta(days=2))
    if inside != found:
        problems.append(f"There are no logs that far away: {name} was moved to {inside:%Y}.")
    return inside
