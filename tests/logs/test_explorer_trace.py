"""A trace from its first log to its last; a message that is JSON, as fields."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from logs.models import LogEntry
from services.models import Service
from tests.logs.reading import page, rows
from tests.support.factories import make_log, make_service


def trace(service: Service) -> list[LogEntry]:
    start = timezone.now() - timedelta(minutes=10)
    steps = {0: "received", 12: "charged", 1_512: "sent"}
    return [
        make_log(service, words, ts=start + timedelta(milliseconds=at), trace_id="abcdef0123456789")
        for at, words in steps.items()
    ]


def test_a_trace_is_read_from_its_beginning(client: Client, service: Service) -> None:
    logs = trace(service)
    make_log(service, "another")
    address = re.search(rf'href="/logs/(\d+-{logs[1].pk})"', page(client, "q=charged"))
    opened = page(client, f"row={address[1]}") if address else page(client)
    link = re.search(r'href="/logs\?([^"]*)">All of the trace', opened)
    assert link
    response = client.get(f"/logs?{link[1]}")
    assert response.status_code == 302
    seen = page(client, response["Location"].split("?")[1])
    assert rows(seen) == ["received", "charged", "sent"]
    assert re.findall(r'log__since">(.*?)<', seen) == ["since last", "", "+12 ms", "+1.50 s"]
    assert "3 logs" in seen
    assert "fit=1" not in response["Location"]
    assert "1.66 s" not in seen


def test_the_services_of_a_trace_are_indented(client: Client, service: Service) -> None:
    trace(service)
    web = make_service(service.org, "web")
    for seconds in (30, 1):
        make_log(web, "asked", ts=timezone.now() - timedelta(minutes=11, seconds=seconds), trace_id="abcdef0123456789")
    seen = page(client, "q=trace:abcdef0123456789&order=oldest")
    assert re.findall(r'class="log tone-info(.*?)"', seen) == ["", "", *[" log--in-1"] * 3]
    make_log(web, "of another", trace_id="1234567890abcdef")
    assert "log--in-" not in page(client, "order=oldest")
    assert "log--in-" not in page(client, "q=trace:abcdef0123456789")


def test_more_than_a_page_holds_is_said(client: Client, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.explorer.results.ORDERED_ROWS", 2)
    trace(service)
    seen = page(client, "order=oldest")
    assert rows(seen) == ["charged", "sent"]
    assert "There are more than the 2 logs shown here" in seen
    assert "order=oldest" in seen.split('rel="next"')[0].rsplit("href", 1)[1]
    assert client.get("/logs?order=oldest&fit=1").status_code == 200, "not fitted to a part"
    assert rows(page(client, "order=newest")) == rows(page(client, "")) == ["sent", "charged", "received"]
    assert "since last" not in page(client, "order=oldest&live=1")


def detail(client: Client, log: LogEntry) -> str:
    found = re.search(rf'href="/logs/(\d+-{log.pk})"', page(client))
    assert found
    return page(client, f"row={found[1]}").split('id="drawer"')[1]


def test_a_message_that_is_json_is_shown_as_fields(client: Client, service: Service) -> None:
    log = make_log(service, ' {"event": "paid", "user": {"id": 7, "name": "<b>"}} ')
    seen = detail(client, log)
    fields = re.search(r'aria-label="Fields of the message">(.*?)</table>', seen, re.DOTALL)
    assert fields
    assert re.findall(r'class="mono">([\w.]+)</th><td class="mono">(.*?)</td>', fields[1]) == [
        ("event", "paid"), ("user.id", "7"), ("user.name", "<b>"),
    ]  # fmt: skip


_NO_OBJECTS = ["{", "{}", "[1]", "{a: 1}", "[" * 5_000 + "{}", "{" + '"a":{' * 3_000 + "}" * 3_001]


@pytest.mark.parametrize("message", [*_NO_OBJECTS, '{"a": ' + "9" * 5_000 + "}", "{" + " " * 60_000 + "}"])
def test_what_is_no_object_stays_a_text(client: Client, service: Service, message: str) -> None:
    assert "In the message" not in detail(client, make_log(service, message))
