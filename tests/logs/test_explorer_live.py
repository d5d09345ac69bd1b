"""Following what comes in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from logs.cursor import LogCursor
from logs.models import LogEntry
from services.models import Service
from tests.support.factories import make_log


def poll(client: Client, after: str, q: str = "") -> HttpResponse:
    response = client.get("/logs/live", {"after": after, "q": q})
    assert response.status_code == 200
    return response


def received(log: LogEntry, at: datetime) -> LogEntry:
    LogEntry.objects.filter(pk=log.pk).update(created_at=at)
    return log


def test_new_rows_come_and_old_ones_do_not(client: Client, service: Service) -> None:
    now = timezone.now()
    old = received(make_log(service, "seen before", ts=now - timedelta(seconds=30)), now - timedelta(seconds=30))
    make_log(service, "brand new", ts=now)
    answer = poll(client, str(LogCursor(old.ts, old.pk)))
    assert "brand new" in answer.content.decode()
    assert "seen before" not in answer.content.decode()
    again = poll(client, answer["X-Logs-Newest"])
    assert LogCursor.read(again["X-Logs-Newest"]) == LogCursor.read(answer["X-Logs-Newest"])
    assert again["X-Logs-Gap"] == "0"


def test_a_late_line_comes_although_its_time_is_past(client: Client, service: Service) -> None:
    now = timezone.now()
    newest = make_log(service, "newest", ts=now)
    make_log(service, "late", ts=now - timedelta(seconds=20))
    assert "late" in poll(client, str(LogCursor(newest.ts, newest.pk))).content.decode()


def test_a_clock_that_is_ahead_hides_nothing(client: Client, service: Service) -> None:
    start = str(LogCursor(timezone.now() - timedelta(seconds=5), 0))
    make_log(service, "from the future", ts=timezone.now() + timedelta(hours=2))
    answer = poll(client, start)
    make_log(service, "right now", ts=timezone.now())
    assert "right now" in poll(client, answer["X-Logs-Newest"]).content.decode()


def test_the_query_filters_what_comes_in(client: Client, service: Service) -> None:
    start = str(LogCursor(timezone.now() - timedelta(seconds=5), 0))
    make_log(service, "wanted", level="error")
    make_log(service, "unwanted")
    seen = poll(client, start, "level:error").content.decode()
    assert "wanted" in seen
    assert "unwanted" not in seen


def test_more_than_can_be_followed_is_reported(client: Client, service: Service) -> None:
    start = str(LogCursor(timezone.now() - timedelta(seconds=5), 0))
    first = make_log(service, "many")
    copies = [LogEntry(org=first.org, service=first.service, environment=first.environment, ts=first.ts, level="info",
                       message="many") for _ in range(250)]  # fmt: skip
    LogEntry.objects.bulk_create(copies)
    assert poll(client, start)["X-Logs-Gap"] == "1"


@pytest.mark.parametrize("after", ["", "forged", "1-99999999999999999999", "%00"])
def test_a_damaged_address_is_refused(client: Client, service: Service, after: str) -> None:
    assert client.get("/logs/live", {"after": after}).status_code == 400


def test_an_outsider_follows_nothing(client_for: Callable[[User], Client], outsider: User, service: Service) -> None:
    make_log(service, "secret")
    start = str(LogCursor(timezone.now() - timedelta(seconds=5), 0))
    assert "secret" not in poll(client_for(outsider), start).content.decode()
    assert client_for(outsider).post("/logs/live").status_code == 405


def test_without_a_script_the_page_reloads_itself(client: Client, service: Service) -> None:
    assert '<noscript><meta http-equiv="refresh"' in client.get("/logs?live=1").content.decode()
