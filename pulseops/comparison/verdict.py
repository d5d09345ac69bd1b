"""What the numbers come to, in words, and what speaks against trusting them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from deployments.models import Deployment
from pulseops.comparison.counts import MOST_LINES
from pulseops.comparison.patterns import PatternChanges
from pulseops.comparison.significance import FEW, growth, is_clear_change
from pulseops.comparison.windows import Windows
from pulseops.core.ui import times

_FEW_LINES = 50
_FEW_BEFORE = 10  # errors, of which so many times as many would say more than it knows
_OTHER_TRAFFIC = 1.5


@dataclass(frozen=True, slots=True)
class Side:
    """The counts of one window; `lines` is all logs, errors included."""

    errors: int
    lines: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """Errors a minute."""
        return self.errors * 60 / self.seconds if self.seconds else 0.0

    @property
    def share(self) -> float | None:
        """Errors among all logs, in percent; None when there are no logs, or too many to count."""
        return self.errors * 100 / self.lines if 0 < self.lines < MOST_LINES else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tone` and `icon` are the look of `words`."""

    words: str
    tone: str
    icon: str


def verdict(before: Side, after: Side, patterns: PatternChanges) -> Verdict:
    """Say whether errors rose, fell, or did neither clearly."""
    if not before.lines and not after.lines:
        return Verdict("No logs before or after: nothing can be said.", "neutral", "state-ring")
    if not after.seconds:
        return Verdict("It has only just been deployed.", "neutral", "state-dashed")
    is_clear = is_clear_change(before.errors, before.seconds, after.errors, after.seconds)
    if is_clear and after.per_minute > before.per_minute:
        return Verdict(f"Errors rose {_from_to(before, after)}{_mostly(patterns)}.", "error", "state-triangle")
    if is_clear:
        return Verdict(f"Errors fell {_from_to(before, after)}.", "ok", "state-check")
    if patterns.new:
        kinds = "a kind of error" if len(patterns.new) == 1 else f"{len(patterns.new)} kinds of errors"
        return Verdict(f"No clear change in number, but {kinds} not seen before.", "warn", "state-half")
    if not before.errors and not after.errors:
        return Verdict("No errors before, none after.", "neutral", "state-check")
    return Verdict(
        f"No clear change: {_number(before.errors, 'error')} before, {after.errors or 'none'} after.",
        "neutral",
        "state-dash",
    )


def _from_to(before: Side, after: Side) -> str:
    times_as_many = growth(before.errors, before.seconds, after.errors, after.seconds)
    if before.errors < _FEW_BEFORE and before.seconds == after.seconds:
        return f"from {before.errors or 'none'} to {_number(after.errors, 'error')}"
    is_told = times_as_many and times_as_many >= 2 and before.errors >= _FEW_BEFORE
    factor = f" ({times_as_many:.0f} times as many)" if is_told else ""
    return f"from {_rate(before)} to {_rate(after)}{factor}"


def _rate(side: Side) -> str:
    if not side.errors:
        return "none"
    if side.per_minute < 0.1:
        return "less than 0.1 a minute"
    return f"{side.per_minute:.1f} a minute" if side.per_minute < 100 else f"{side.per_minute:,.0f} a minute"


def _number(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _mostly(patterns: PatternChanges) -> str:
    if patterns.new:
        return f", mostly “{patterns.new[0].pattern}”, which is new"
    return f", mostly “{patterns.grown[0].pattern}”" if patterns.grown else ""


def caveats(deployment: Deployment, windows: Windows, before: Side, after: Side, patterns: PatternChanges) -> list[str]:
    """Say what speaks against trusting the comparison; nothing when nothing does."""
    return [
        *_about_rows(before, after, patterns),
        *_about_windows(deployment, windows),
        *_about_traffic(before, after),
    ]


def _about_rows(before: Side, after: Side, patterns: PatternChanges) -> list[str]:
    said = []
    errors, lines = before.errors + after.errors, min(before.lines, after.lines)
    if 0 < errors < FEW:
        said.append(
            f"Only {_number(errors, 'error')} in both windows together: chance alone could explain a difference."
        )
    elif lines < _FEW_LINES and before.lines + after.lines:
        said.append(f"Few logs: one of the windows has {_number(lines, 'log')} in all.")
    if patterns.is_sampled:
        said.append("There were more errors than could be read; the patterns are those nearest to the deployment.")
    if patterns.is_cut_short:
        said.append(
            "The time for comparing messages was up before all of them were read: kinds of errors may be missing."
        )
    return said


def _about_windows(deployment: Deployment, windows: Windows) -> list[str]:
    said = [] if deployment.is_final else ["It has not ended yet: the windows lie around its beginning."]
    after, length = times.duration(windows.after.total_seconds()), times.duration(windows.length.total_seconds())
    if windows.following:
        said.append(f"Another deployment followed after {after}; what came then counts for that one.")
    elif windows.is_running:
        said.append(f"Only {after} of {length} have passed since.")
    kept = timedelta(days=deployment.service.retention_days)
    if windows.start < timezone.now() - kept:
        said.append(f"Logs are kept for {kept.days} days: some or all of these are gone.")
    return said


def _about_traffic(before: Side, after: Side) -> list[str]:
    ratio = growth(before.lines, before.seconds, after.lines, after.seconds)
    is_counted = _FEW_LINES <= min(before.lines, after.lines) <= max(before.lines, after.lines) < MOST_LINES
    if ratio is None or not is_counted or 1 / _OTHER_TRAFFIC < ratio < _OTHER_TRAFFIC:
        return []
    return [f"After it {ratio:.1f} times as much was logged a minute as before: compare the shares, too."]
