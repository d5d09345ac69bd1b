"""What a rule saw when it fired: kept with the incident, so that retention of the logs cannot take the proof away."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from logs.message_patterns import message_pattern
from pulseops.core.ui import times

SAMPLES = 5
_MESSAGE = 1000  # characters of a sample line that are kept
_WINDOW, _HOUR = 5, 60  # minutes: without a rule of its own; from which on a window has more bars
_PARTS = 5


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A log line as it was."""

    id: int
    ts: datetime
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class DeploymentFact:
    """A deployment as it was."""

    id: int
    commit_sha: str
    title: str
    status: str
    at: datetime
    errors_before: int | None = None  # in the half hour before it was live; None if that cannot be told
    errors_after: int | None = None  # and since then, until the rule fired
    is_clear: bool = False  # chance alone would hardly make such a difference

    @property
    def is_rise(self) -> bool:
        """Whether there were clearly more errors after it; of fewer nothing can be said, for that time may go on."""
        before, after = self.errors_before, self.errors_after
        return self.is_clear and before is not None and after is not None and after >= before

    @property
    def verdict(self) -> str:
        """What it did to the errors; "" if that cannot be told."""
        if self.errors_before is None or self.errors_after is None:
            return ""
        if not self.is_rise:
            return "no clear rise in errors"
        return f"errors rose from {self.errors_before:,} to {self.errors_after:,}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many in which window against which threshold, some of the lines, and the deployment that may be the cause."""

    at: datetime
    count: int
    threshold: int
    window_minutes: int | None = None
    level: str = ""
    filter: str = ""
    samples: tuple[SampleLine, ...] = field(default=())
    deployment: DeploymentFact | None = None
    is_silence: bool = False  # nothing was received; `last_at` is when the last log came, after `last_hour` in an hour
    first_at: datetime | None = None  # of the logs that were counted
    last_at: datetime | None = None
    last_hour: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the column keeps it: times as ISO 8601."""
        return _plain(asdict(self))

    @classmethod
    def from_json(cls, data: Any) -> Evidence | None:
        """Read the column; None when it holds nothing that can be read."""
        try:
            deployment = data["deployment"]
            return cls(
                at=datetime.fromisoformat(data["at"]),
                count=int(data["count"]),
                threshold=int(data["threshold"]),
                window_minutes=data.get("window_minutes"),
                level=str(data.get("level") or ""),
                filter=str(data.get("filter") or ""),
                samples=tuple(SampleLine(**{**line, "ts": _time(line["ts"])}) for line in data["samples"]),
                deployment=DeploymentFact(**{**deployment, "at": _time(deployment["at"])}) if deployment else None,
                is_silence=bool(data.get("is_silence")),
                first_at=_time(data["first_at"]) if data.get("first_at") else None,
                last_at=_time(data["last_at"]) if data.get("last_at") else None,
                last_hour=data.get("last_hour"),
            )
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def pattern(self) -> str:
        """What most of the sample lines have in common; "" if they are one and the same text, or there are none."""
        patterns = Counter(message_pattern(line.message) for line in self.samples)
        if not patterns or len({line.message for line in self.samples}) == 1:
            return ""
        return patterns.most_common(1)[0][0]

    @property
    def words(self) -> str:
        """The proof in a sentence."""
        if self.window_minutes is None:
            often = "once" if self.count == 1 else f"{self.count} times in a row"
            return f"The deployment failed {often}."
        if self.is_silence:
            return self._words_of_silence
        what = f"{self.level} log".lstrip() + ("" if self.count == 1 else "s")
        minutes = f"{self.window_minutes} min"
        return f"{self.count:,} {what} in {minutes} (the threshold is {self.threshold:,})."

    @property
    def _words_of_silence(self) -> str:
        words = f"No log{' that matches the filter' if self.filter else ''} was received for {self.window_minutes} min."
        if self.last_at:
            words += f" The last came at {self.last_at:%Y-%m-%d %H:%M:%S} UTC"
            words += "." if self.last_hour is None else f"; there were {self.last_hour:,} in the hour up to it."
        return words


@dataclass(frozen=True, slots=True)
class Charted:
    """What the chart beside the evidence counts: one level ("" is all), in bars of which `parts` are a window."""

    level: str
    minutes: int  # of the window
    is_filtered: bool = False

    @classmethod
    def of(cls, evidence: Evidence | None) -> Charted:
        """Return what the rule counted; errors where no rule counted logs."""
        if evidence is None or not evidence.window_minutes:
            return cls("error", _WINDOW)
        return cls(evidence.level, evidence.window_minutes, bool(evidence.filter))

    @property
    def parts(self) -> int:
        """How many bars a window is: five, fewer than that so that no bar is under a minute, more in long windows."""
        return min(_PARTS * max(self.minutes // _HOUR, 1), self.minutes)

    @property
    def width(self) -> timedelta:
        """How long a bar is."""
        return timedelta(minutes=self.minutes) / self.parts

    @property
    def span(self) -> timedelta:
        """How much the chart shows on either side of the start."""
        return timedelta(minutes=max(_HOUR, 12 * min(self.minutes, _HOUR)))

    @property
    def what(self) -> str:
        """The logs in words."""
        return f"{self.level} logs".lstrip() + (" that match the filter" if self.is_filtered else "")

    @property
    def label(self) -> str:
        """The chart in words."""
        width = times.duration(self.width.total_seconds())
        return f"{self.what.capitalize()}{',' * self.is_filtered} around the start, {width} a bar"


def sample_line(id: int, ts: datetime, level: str, message: str) -> SampleLine:  # noqa: A002
    """Make a sample line of a log, cutting a long message."""
    return SampleLine(id, ts, level, message if len(message) <= _MESSAGE else message[: _MESSAGE - 1] + "…")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case datetime():
            return value.isoformat()
    return value
