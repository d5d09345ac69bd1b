"""What counts as a change between two halves: the score, what is clear, and growth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseops.comparison.significance import change_score, growth

counts = st.integers(min_value=0, max_value=10**6)
seconds = st.floats(min_value=1, max_value=10**5)


@given(counts, seconds, counts, seconds)
def test_the_score_turns_with_the_sides(before: int, before_seconds: float, after: int, after_seconds: float) -> None:
    score = change_score(before, before_seconds, after, after_seconds)
    assert math.isclose(score, -change_score(after, after_seconds, before, before_seconds), abs_tol=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "clear"), [(0, 8, True), (2, 12, True), (10, 12, False), (100, 160, True), (3, 5, False)]
)
def test_what_counts_as_clear(before: int, after: int, clear: bool) -> None:
    assert (change_score(before, 1800, after, 1800) >= 2.58) == clear


def test_growth_needs_something_to_grow_from() -> None:
    assert growth(0, 60, 5, 60) is None
    assert growth(5, 60, 5, 30) == 2
