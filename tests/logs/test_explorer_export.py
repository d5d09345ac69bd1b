"""The export: everything the query finds, streamed, for those who may see it."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client

from accounts.models import AuditLog, User
from logs.models import LogEntry
from pulseops.core.web import downloads
from services.models import Service
from tests.logs.test_search_hostile import SIX_PARTS
from tests.support.factories import make_log

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
RANGE = "from=2026-03-17T11:00:00Z&to=2026-03-17T13:00:00Z"


def body(client: Client, query: str) -> str:
    response = client.get(f"/logs/export?{RANGE}&{query}")
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content).decode()


def test_ndjson_holds_each_log_whole(client: Client, service: Service) -> None:
    make_log(service, "old", ts=NOW - timedelta(minutes=5))
    make_log(service, 'zwölf\n"x"', ts=NOW, meta_json={"n": 1, "日": None}, trace_id="t", level="error")
    first, second = map(json.loads, body(client, "format=ndjson").splitlines())
    assert second["message"] == "old"
    assert second["meta"] is None
    assert first | {"id": 0, "received_at": ""} == {
        "id": 0, "timestamp": NOW.isoformat(), "received_at": "", "level": "error", "service": "api",
        "environment": "production", "message": "zwölf\n\"x\"", "trace_id": "t", "request_id": None,
        "meta": {"n": 1, "日": None},
    }  # fmt: skip


def test_csv_is_read_back_and_runs_no_formula(client: Client, service: Service) -> None:
    make_log(service, "=cmd|'/c calc'!A1", ts=NOW, meta_json={"a": 1})
    header, row = csv.reader(io.StringIO(body(client, "format=csv")))
    found = dict(zip(header, row, strict=True))
    assert found["message"] == "'=cmd|'/c calc'!A1"
    assert json.loads(found["meta"]) == {"a": 1}


def test_it_holds_what_the_query_finds_and_no_more(client: Client, service: Service) -> None:
    place = {"org": service.org, "service": service, "environment": service.environments.get(name="staging")}
    LogEntry.objects.bulk_create(
        LogEntry(message=f"line {n}", ts=NOW - timedelta(seconds=n), level="warn" if n % 2 else "info", **place)
        for n in range(1_200)
    )
    lines = [json.loads(line) for line in body(client, "format=ndjson&q=level:warn").splitlines()]
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(1, 1_200, 2)]


def test_it_ends_at_the_limit(client: Client, service: Service, settings: LazySettings) -> None:
    settings.LOG_EXPORT_ROWS = 3
    for _ in range(5):
        make_log(service, ts=NOW)
    assert len(body(client, "format=ndjson").splitlines()) == 3


def test_it_is_audited(client: Client, service: Service, viewer: User) -> None:
    body(client, "format=csv&q=level:error")
    row = AuditLog.objects.get(action="logs.exported")
    assert row.actor_user == viewer
    assert row.meta_json["query"] == "level:error"


@pytest.mark.django_db(transaction=True)
def test_one_that_is_broken_off_is_audited_and_frees_its_place(client: Client, service: Service) -> None:
    for number in range(3):
        make_log(service, f"line {number}", ts=NOW)
    for _ in range(3):  # more than run at the same time
        response = client.get(f"/logs/export?{RANGE}&format=csv")
        assert b"timestamp" in b"".join(itertools.islice(response.streaming_content, 2))
        response.close()
    assert AuditLog.objects.filter(action="logs.exported").count() == 3


def test_an_outsider_exports_only_their_own(
    client_for: Callable[[User], Client], outsider: User, service: Service
) -> None:
    make_log(service, "secret", ts=NOW)
    assert body(client_for(outsider), "format=ndjson") == ""
    assert client_for(outsider).post("/logs/export").status_code == 405


@pytest.mark.parametrize("query", ["format=xls", "format=csv&q=("])
def test_what_cannot_be_exported_leads_back(client: Client, service: Service, query: str) -> None:
    response = client.get(f"/logs/export?{query}")
    assert response.status_code == 302
    assert response["Location"].startswith("/logs?")


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def running(client: Client) -> StreamingHttpResponse:
    """Start an export of which the client has read the beginning."""
    response = client.get(f"/logs/export?{RANGE}&format=csv")
    assert response.status_code == 200
    assert next(iter(response.streaming_content))  # type: ignore[attr-defined]
    return response  # type: ignore[return-value]


def refused(client: Client, words: str) -> bool:
    response = client.get(f"/logs/export?{RANGE}&format=csv")
    assert (response.status_code, response.get("Retry-After")) == (429, "30")
    return words in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_slots_of_organisation_person_and_installation(
    client: Client, service: Service, admin: User, client_for: Callable[[User], Client], settings: LazySettings
) -> None:
    make_log(service, ts=NOW)
    settings.DOWNLOADS_PER_ORG = 3
    held = [running(client), running(client)]
    assert refused(client, "2 downloads are running for you")
    assert client.get("/logs/export?format=csv&q=(").status_code == 302  # needs none
    held.append(running(client_for(admin)))
    assert refused(client_for(admin), "3 downloads are running for your organisation")
    held.pop().close()
    settings.DOWNLOADS = 2
    assert refused(client_for(admin), "2 downloads are running for this installation")
    assert refused(client, "for you")  # and what was taken on the way is given back
    for each in held:
        each.close()
    running(client_for(admin)).close()


@pytest.mark.django_db(transaction=True)
def test_the_audit_log_has_the_same_slots(client_for: Callable[[User], Client], admin: User) -> None:
    client = client_for(admin)
    held = [client.get("/settings/audit/export.csv") for _ in range(2)]
    assert [each.status_code for each in held] == [200, 200]
    assert client.get("/settings/audit/export.ndjson").status_code == 429
    for each in held:
        each.close()
    whole = b"".join(client.get("/settings/audit/export.ndjson").streaming_content)  # type: ignore[attr-defined]
    assert len(whole.splitlines()) >= 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", [f"/logs/export?{RANGE}&format=ndjson", "/settings/audit/export.csv"])
def test_no_connection_is_held_while_the_client_reads(
    client_for: Callable[[User], Client], admin: User, service: Service, url: str
) -> None:
    for number in range(60):
        make_log(service, "x" * 2_000, ts=NOW - timedelta(seconds=number))
    response: Any = client_for(admin).get(url)
    pieces = 0
    for _ in response.streaming_content:
        pieces += 1
        assert connection.connection is None
    assert pieces > 1 or "audit" in url


@pytest.mark.django_db(transaction=True)
def test_who_reads_too_slowly_or_too_long_is_sent_away(
    client: Client, service: Service, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        make_log(service, "x" * 20_000, ts=NOW - timedelta(seconds=number))
    clock = Clock()
    monkeypatch.setattr(downloads, "time", clock)
    response = running(client)
    clock.now += 19  # someone's pause
    next(iter(response.streaming_content))
    clock.now += 2
    with pytest.raises(ConnectionResetError):
        next(iter(response.streaming_content))
    response.close()
    settings.DOWNLOAD_BYTES_PER_SECOND = 0
    response = running(client)
    clock.now += settings.DOWNLOAD_SECONDS + 1
    with pytest.raises(ConnectionResetError):
        next(iter(response.streaming_content))
    response.close()
    running(client).close()


@pytest.mark.django_db(transaction=True)
def test_a_search_that_cannot_be_run_leads_back(client: Client, service: Service, settings: LazySettings) -> None:
    make_log(service, ts=NOW)
    settings.LOG_QUERY_COMPARISONS = 1_000_000
    response = client.get(f"/logs/export?{RANGE}&format=csv", {"q": SIX_PARTS, "format": "csv"})
    assert response.status_code == 302
    assert "This cannot be searched." in client.get(response["Location"]).content.decode()
    running(client).close()


@pytest.mark.parametrize("spread", [timedelta(0), timedelta(microseconds=1), timedelta(minutes=3)])
def test_pages_have_each_log_once(
    client: Client, service: Service, spread: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many share a time, and however small pages are."""
    monkeypatch.setattr("logs.explorer.export._MOST_ROWS", 7)
    monkeypatch.setattr("logs.explorer.export._FIRST_LINES", 3)
    for number in range(40):
        make_log(service, f"line {number}", ts=NOW - spread * (number // 2))
    lines = [json.loads(line) for line in body(client, "format=ndjson").splitlines()]
    assert sorted(line["message"] for line in lines) == sorted(f"line {number}" for number in range(40))
    keys = [(line["timestamp"], line["id"]) for line in lines]
    assert keys == sorted(keys, reverse=True)
