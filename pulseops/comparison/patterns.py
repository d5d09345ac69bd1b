"""Which kinds of errors are new after a deployment, which have grown, which are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from logs.message_patterns import message_pattern
from logs.reading import LogScope
from pulseops.comparison.counts import MOST_MESSAGES, error_messages
from pulseops.comparison.significance import CLEAR, change_score
from pulseops.comparison.windows import Windows
from pulseops.core.budget import TimeBudget

SHOWN = 15  # rows of a kind
_EXPECTED_IF_STILL_THERE = 3.0


@dataclass(frozen=True, slots=True)
class PatternChange:
    """A pattern with its counts on both sides and one of its messages."""

    pattern: str
    before: int
    after: int
    sample: str


@dataclass(frozen=True, slots=True)
class PatternChanges:
    """Patterns by what became of them, the most frequent first.

    `is_sampled`: there were more errors than were read. `is_cut_short`: time was up before all of those had a pattern.
    """

    new: list[PatternChange] = field(default_factory=list)
    grown: list[PatternChange] = field(default_factory=list)
    gone: list[PatternChange] = field(default_factory=list)
    unchanged: int = 0
    is_sampled: bool = False
    is_cut_short: bool = False


@dataclass(frozen=True, slots=True)
class _Side:
    counts: Counter[str]
    samples: dict[str, str]
    seconds: float  # covered by what was read
    is_sampled: bool


def pattern_changes(scope: LogScope, windows: Windows, budget: TimeBudget) -> PatternChanges:
    """Compare the patterns of the errors before and after; one statement. Raises BoundedQueryError."""
    messages = error_messages(scope, windows, budget)
    newest = [each for each in messages if each[1] < windows.pivot]
    oldest = [each for each in messages if each[1] >= windows.pivot]
    patterns, is_cut_short = _patterns(messages, budget)
    before = _side(newest, patterns, windows.pivot, windows.length.total_seconds())
    after = _side(oldest, patterns, windows.pivot, windows.after.total_seconds())
    return replace(_sort(before, after), is_cut_short=is_cut_short)


def _patterns(messages: Iterable[tuple[str, datetime]], budget: TimeBudget) -> tuple[dict[str, str], bool]:
    """Return the pattern of each distinct message, and whether time was up before all of them had one."""
    patterns: dict[str, str] = {}
    for message in dict.fromkeys(message for message, _ in messages):
        if budget.is_over:
            return patterns, True
        patterns[message] = message_pattern(message) or "(empty)"
    return patterns, False


def _side(
    messages: Sequence[tuple[str, datetime]], patterns: Mapping[str, str], pivot: datetime, seconds: float
) -> _Side:
    counts: Counter[str] = Counter()
    samples: dict[str, str] = {}
    for message, _ in messages:
        if (pattern := patterns.get(message)) is None:
            continue
        counts[pattern] += 1
        samples.setdefault(pattern, message)
    is_sampled = len(messages) == MOST_MESSAGES
    covered = abs((messages[-1][1] - pivot).total_seconds()) if is_sampled else seconds
    return _Side(counts, samples, covered, is_sampled)


def _sort(before: _Side, after: _Side) -> PatternChanges:
    result = PatternChanges(is_sampled=before.is_sampled or after.is_sampled)
    unchanged = 0
    for pattern in before.counts | after.counts:
        change = PatternChange(
            pattern,
            before.counts[pattern],
            after.counts[pattern],
            after.samples.get(pattern) or before.samples[pattern],
        )
        kind = _kind(change, before.seconds, after.seconds)
        if kind:
            getattr(result, kind).append(change)
        else:
            unchanged += 1
    return PatternChanges(
        new=_top(result.new, "after"),
        grown=_top(result.grown, "after"),
        gone=_top(result.gone, "before"),
        unchanged=unchanged,
        is_sampled=result.is_sampled,
    )


def _kind(change: PatternChange, before_seconds: float, after_seconds: float) -> str:
    if not change.before:
        return "new"
    if not change.after:
        expected = change.before * after_seconds / before_seconds if before_seconds else 0
        return "gone" if expected >= _EXPECTED_IF_STILL_THERE else ""
    score = change_score(change.before, before_seconds, change.after, after_seconds)
    return "grown" if score >= CLEAR else ""


def _top(changes: list[PatternChange], side: str) -> list[PatternChange]:
    return sorted(changes, key=lambda each: (-getattr(each, side), each.pattern))[:SHOWN]
