"""Whether a difference between two counts means anything."""

from __future__ import annotations

import math

CLEAR = 2.58  # standard deviations: chance alone does this once in a hundred times
FEW = 10  # events in both windows together; below, nothing is called clear


def change_score(before: int, before_seconds: float, after: int, after_seconds: float) -> float:
    """Return by how many standard deviations the rate after differs from that before; positive when it grew.

    Counts of two Poisson processes over unequal times, their variance made stable by the square root: Huffman, "An
    improved approximate two-sample Poisson test", Applied Statistics 33(2), 1984.
    """
    if before_seconds <= 0 or after_seconds <= 0:
        return 0.0
    ratio = after_seconds / before_seconds
    return 2 * (math.sqrt(after + 3 / 8) - math.sqrt(ratio * (before + 3 / 8))) / math.sqrt(1 + ratio)


def is_clear_change(before: int, before_seconds: float, after: int, after_seconds: float) -> bool:
    """Return whether chance alone would hardly make such a difference, in either direction."""
    return before + after >= FEW and abs(change_score(before, before_seconds, after, after_seconds)) >= CLEAR


def growth(before: int, before_seconds: float, after: int, after_seconds: float) -> float | None:
    """Return how many times the rate after is that before; None when there was nothing before to compare with."""
    if not before or before_seconds <= 0 or after_seconds <= 0:
        return None
    return (after / after_seconds) / (before / before_seconds)
