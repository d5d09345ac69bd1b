from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from pulseops.core.ui import times

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (4, "just now"),
        (42, "42 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (86_400 * 3, "3 d ago"),
        (86_400 * 40, "5 Feb"),
        (86_400 * 400, "10 Feb 2025"),
        (-3, "just now"),
        (-42, "in 42 s"),
        (-180, "in 3 min"),
        (-179, "in 3 min"),
        (-3599, "in 1 h"),
        (-(7 * 86_400 - 1), "in 7 d"),
    ],
)
def test_relative_says_how_far(seconds: int, words: str) -> None:
    assert times.relative(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (42.9, "42 s"),
        (185, "3 min 05 s"),
        (300, "5 min"),
        (7200, "2 h"),
        (7512, "2 h 05 min"),
        (277_000, "3 d 4 h"),
    ],
)
def test_duration_says_two_units(seconds: float, words: str) -> None:
    assert times.duration(seconds) == words


def test_exact_is_in_the_active_zone() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert times.exact(NOW, milliseconds=True) == "2026-03-17 13:00:00.000"
        assert times.zone_label(NOW) == "CET"


def test_a_zone_without_letters_is_named_by_its_offset() -> None:
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        assert times.zone_label(NOW) == "UTC+05:45"
