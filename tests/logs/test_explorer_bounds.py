"""However large what is stored: the explorer's pages are small, are made quickly, and say what they leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from logs.models import LogEntry
from services.models import Service
from tests.support.cpu import BUDGET_SECONDS, cpu_of
from tests.support.factories import make_log

pytestmark = pytest.mark.django_db
MEGABYTE = 1024 * 1024


def address_of(log: LogEntry) -> str:
    return f"{int(log.ts.timestamp() * 1_000_000 + 0.5)}-{log.pk}"


def fields(count: int) -> dict[str, int]:
    return {f"k{number:06}": number for number in range(count)}


def nested(width: int, depth: int) -> Any:
    return 1 if depth == 0 else {f"k{number}": nested(width, depth - 1) for number in range(width)}


# Logs as they may stand in the database: what is too much for ingest today, older versions took.
LARGE: dict[str, dict[str, Any]] = {
    "100,000 fields": {"meta_json": fields(100_000)},
    "a field of 3 MB": {"meta_json": {"body": 'a&"<' * 750_000}},
    "a name of 1 MB": {"meta_json": {"a." * 500_000: 1}},
    "a list of 1 MB": {"meta_json": {"x": [[]] * 250_000}},
    "50,625 leaves": {"meta_json": nested(15, 4)},
    "300 long values": {"meta_json": {f"k{number}": "\u65e5<" * 1_000 for number in range(300)}},
    "300 values to ask for": {"meta_json": {f"k{number}": '\u65e5"' * 149 for number in range(300)}},
    "numbers": {"meta_json": {"x": [9**200] * 2_000}},
    "long ids": {"trace_id": "t<" * MEGABYTE, "request_id": "r&" * MEGABYTE},
    "a long message": {"message": '"a<' * 80_000},
}


@pytest.fixture(autouse=True)
def warmed_up(client: Client, service: Service) -> None:
    log = make_log(service, meta_json={"a": 1})
    client.get("/logs")
    client.get(f"/logs/{address_of(log)}")
    log.delete()


@pytest.mark.parametrize("name", LARGE)
def test_one_large_log(client: Client, service: Service, name: str) -> None:
    """At e4c1cee the first took 204 s and 150 MB."""
    log = make_log(service, **LARGE[name])
    for path in ("/logs", f"/logs?row={address_of(log)}", f"/logs/{address_of(log)}", "/logs?q=a&cols=x,body,k000001"):
        response, seconds = cpu_of(client.get, path, within=BUDGET_SECONDS)
        assert response.status_code == 200
        assert len(response.content) < 4 * MEGABYTE
        assert seconds < BUDGET_SECONDS


@pytest.mark.parametrize(
    "meta",
    [
        fields(1_000),
        {f"k{number}": "a" * 20 for number in range(800)},  # 3 kB compressed, 25 kB as text
        nested(9, 3),
        {f"k{number}": "".join(chr(97 + (number * at) % 26) for at in range(19)) for number in range(700)},
        {"body": "a" * 100_000},
    ],
)
def test_a_page_of_a_hundred_of_them(client: Client, service: Service, meta: Any) -> None:
    """At e4c1cee 100 logs of 862 bytes in all, as they were sent, made the plain list take 34 s."""
    first = make_log(service, meta_json={"a": 1})
    place = {"org_id": first.org_id, "service": service, "environment_id": first.environment_id, "level": "info"}
    LogEntry.objects.bulk_create(
        LogEntry(message=f"a{number}", ts=timezone.now(), meta_json=meta, **place) for number in range(100)
    )
    for path in ("/logs", "/logs?q=nothing:here", "/logs?q=a&cols=k1,body,service"):
        response, seconds = cpu_of(client.get, path, within=BUDGET_SECONDS)
        assert response.status_code == 200
        assert len(response.content) < MEGABYTE
        assert seconds < BUDGET_SECONDS


def test_the_page_says_how_many_fields_it_leaves_out(client: Client, service: Service) -> None:
    log = make_log(service, meta_json=fields(1_000))
    page = client.get(f"/logs/{address_of(log)}").text
    assert "k000299" in page
    assert "and 700 more in the" in page
    assert client.get(f"/logs/{address_of(log)}/raw").json()["meta"] == fields(1_000)
    few = make_log(service, meta_json=fields(300))
    assert "more in the" not in client.get(f"/logs/{address_of(few)}").text


def test_the_raw_json_is_whole_or_says_that_it_is_not(client: Client, service: Service) -> None:
    message, ids = "m" * 200_000, {"trace_id": "t" * 5_000, "request_id": "r" * 5_000}
    log = make_log(service, message, meta_json={"x": ["y" * 300_000]}, **ids)
    page = client.get(f"/logs/{address_of(log)}").text
    assert "This is the beginning." in page
    raw = client.get(f"/logs/{address_of(log)}/raw")
    assert raw["Content-Type"] == "application/json"
    whole = raw.json()
    assert (whole["message"], whole["meta"]) == (message, {"x": ["y" * 300_000]})
    assert {name: whole[name] for name in ids} == ids
    small = make_log(service, "hello", meta_json={"a": [1, {"b": None}]})
    page = client.get(f"/logs/{address_of(small)}").text
    assert "This is the beginning." not in page
    assert client.get(f"/logs/{address_of(small)}/raw").json()["meta"] == {"a": [1, {"b": None}]}


def test_a_log_without_fields_has_a_raw_json(client: Client, service: Service) -> None:
    log = make_log(service, "hello")
    assert client.get(f"/logs/{address_of(log)}/raw").json()["meta"] is None


@pytest.mark.parametrize("address", ["1-1", "x", "9" * 300, "1-" + "9" * 19])
def test_no_such_log(client: Client, service: Service, address: str) -> None:
    assert client.get(f"/logs/{address}/raw").status_code == 404


def test_the_raw_json_of_others_is_not_there(client_for: Any, outsider: Any, service: Service) -> None:
    log = make_log(service, "secret")
    assert client_for(outsider).get(f"/logs/{address_of(log)}/raw").status_code == 404


def test_marks_in_a_message_have_an_end(client: Client, service: Service) -> None:
    first = make_log(service, "a" * 20_000)
    place = {"org_id": first.org_id, "service": service, "environment_id": first.environment_id, "level": "info"}
    LogEntry.objects.bulk_create(LogEntry(message="a" * 20_000, ts=timezone.now(), **place) for _ in range(99))
    response, seconds = cpu_of(client.get, "/logs?q=a", within=BUDGET_SECONDS)
    assert response.text.count("<mark>") <= 100 * 2 * 200
    assert seconds < BUDGET_SECONDS


def test_values_are_shown_by_their_beginning(client: Client, service: Service) -> None:
    log = make_log(service, meta_json={"body": "b" * 5_000, "list": [0] * 5_000})
    page = client.get(f"/logs/{address_of(log)}").text
    assert "b" * 1_000 + "…" in page
    assert json.dumps([0] * 5_000)[:1_000] + "…" in page
