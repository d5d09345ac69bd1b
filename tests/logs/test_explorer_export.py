"""The export: everything the query finds, streamed, for those who may see it."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import AuditLog, Org, User
from logs.models import LogEntry
from services.models import Service
from tests.logs.conftest import slots_taken
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


@pytest.fixture
def _other_session_holds(org: Org) -> Iterator[None]:
    """Another connection runs two exports of the organisation."""
    with slots_taken("export", org):
        yield


@pytest.mark.usefixtures("_other_session_holds")
def test_a_third_export_at_once_is_refused(client: Client, service: Service) -> None:
    response = client.get("/logs/export?format=csv")
    assert response.status_code == 429
    assert response["Retry-After"] == "30"
    assert not LogEntry.objects.exists()
