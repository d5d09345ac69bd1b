"""Ranges of the explorer to choose: days, and as long before or after; logs that retention removed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.test import Client
from django.utils import timezone

from pulseops.core.ui.chart_axes import Extent, ticks
from services.models import Service
from tests.logs.reading import page
from tests.support.factories import make_log


def link(seen: str, words: str) -> str:
    match = re.search(rf'href="/logs\?([^"]*)"[^>]*>(?:<svg.*?</svg>)?{words}</a>', seen)
    return match[1] if match else ""


def test_a_range_moves_by_its_own_length(client: Client, service: Service) -> None:
    make_log(service, "x")
    seen = page(client, "from=2026-03-17T08:00:00Z&to=2026-03-17T09:30:00Z")
    assert link(seen, "As long, before") == "from=2026-03-17T06:30:00Z&to=2026-03-17T08:00:00Z"
    assert link(seen, "As long, after") == "from=2026-03-17T09:30:00Z&to=2026-03-17T11:00:00Z"
    assert link(page(client), "As long, after") == "", "it would be the future"
    assert link(page(client, link(page(client), "As long, before")), "As long, after")


def test_today_and_yesterday_are_the_readers(client: Client, service: Service) -> None:
    client.cookies["tzname"] = "Asia/Kathmandu"
    seen = page(client)
    yesterday = link(seen, "Yesterday")
    assert re.fullmatch(r"from=\S+T18:15:00Z&to=\S+T18:15:00Z", yesterday)
    assert re.search(r'aria-current="true">Yesterday', page(client, yesterday))
    assert re.search(r'aria-current="true">Today', page(client, link(seen, "Today")))


def test_a_log_older_than_it_is_kept_says_so(client: Client, service: Service) -> None:
    age = timedelta(days=service.retention_days)
    for at, is_said in ((timezone.now() - age * 2, True), (timezone.now() - age / 2, False)):
        response = client.get(f"/logs/{int(at.timestamp() * 1_000_000)}-1")
        assert response.status_code == 404
        assert ("Probably older than it is kept" in response.text) is is_said


def test_a_chart_of_milliseconds_has_words() -> None:
    start = datetime(2026, 3, 17, 8, 0, 5, 163_472, UTC)
    labels = [each.label for each in ticks(Extent(start, start + timedelta(milliseconds=355)))]
    assert labels == ["08:00:05.200", "08:00:05.300", "08:00:05.400", "08:00:05.500"]
    assert ticks(Extent(start, start + timedelta(milliseconds=1))) is not None
