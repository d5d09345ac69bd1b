"""POST /api/v1/logs/ingest: the forms of a batch, what is refused in one, and what a lenient sender gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from logs.models import LogEntry
from services.models import RateBucket
from tests.logs.conftest import Send
from tests.logs.sending import HELLO, error, nested, problem

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]


def test_a_bare_array(send: Send) -> None:
    assert send([{"message": "a"}, {"message": "b"}]).json() == {"data": {"accepted": 2}}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n  \n"])
def test_ndjson(send: Send, end: bytes) -> None:
    body = b'{"message": "a"}' + end + b'{"message": "b", "extra": 1}' + end
    assert send(body, content_type="application/x-ndjson").json() == {"data": {"accepted": 2}}


def test_ndjson_has_one_entry_a_line(send: Send) -> None:
    error(send(b'{"message":\n"a"}', content_type="application/x-ndjson"), 400, "BAD_REQUEST")
    error(send(b'{"message": "a"}{"message": "b"}', content_type="application/x-ndjson"), 400, "BAD_REQUEST")


@pytest.mark.parametrize("body", [b'{"logs": []}', b"[]"])
def test_an_empty_batch_is_accepted(send: Send, body: bytes) -> None:
    assert send(body).json() == {"data": {"accepted": 0}}
    assert send(b"\n", content_type="application/x-ndjson").json() == {"data": {"accepted": 0}}


def test_a_byte_order_mark_is_passed_over(send: Send) -> None:
    assert send(b"\xef\xbb\xbf" + json.dumps(HELLO).encode()).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[{}",
        b'{"logs": [{"message": "a"}]} x',
        b'[{"message": NaN}]',
        b'[{"message": "a", "meta": {"a": Infinity}}]',
        b'[{"message": "a", "meta": {"a": 01}}]',
        b'[{"message": "a", "meta": {"a": 1,}}]',
        b'[{"message": "a\xff"}]',
        b'[{"message": "a", "meta": {"\xed\xa0\x80": 1}}]',
        b'[{"message": "a\nb"}]',
        "[]".encode("utf-16"),
        b"[" * 5_000_000,
        b'[{"message": "a", "meta": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}]",
        b"\0",
    ],
    ids=lambda body: str(body[:20]),
)
def test_what_is_not_json(send: Send, body: bytes) -> None:
    error(send(body), 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{}", "logs"),
        (b'{"logs": null}', "logs"),
        (b'{"logs": {}}', "logs"),
        (b"1", "logs"),
        (b'"logs"', "logs"),
        (b"null", "logs"),
        (b"[1]", "logs[0]"),
        (b'{"logs": [null]}', "logs[0]"),
    ],
)
def test_json_that_is_not_a_batch(send: Send, body: bytes, path: str) -> None:
    assert problem(send(body))[0] == path


def test_the_limit_of_entries_is_exact(send: Send) -> None:
    assert send([{"message": "a"}] * 5_000).json() == {"data": {"accepted": 5_000}}
    LogEntry.objects.all().delete()
    RateBucket.objects.all().delete()
    assert problem(send([{"message": "a"}] * 5_001))[0] == "logs"


# -- Entries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({}, "logs[0].message"),
        ({"message": None}, "logs[0].message"),
        ({"message": ""}, "logs[0].message"),
        ({"message": 1}, "logs[0].message"),
        ({"message": "é" * (128 * 1024 + 1)}, "logs[0].message"),
        ({"message": "a", "level": {}}, "logs[0].level"),
        ({"message": "a", "level": 3}, "logs[0].level"),
        ({"message": "a", "meta": []}, "logs[0].meta"),
        ({"message": "a", "meta": "x"}, "logs[0].meta"),
        ({"message": "a", "trace_id": 1}, "logs[0].trace_id"),
        ({"message": "a", "request_id": {}}, "logs[0].request_id"),
        ({"message": "a", "timestamp": True}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": []}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": ""}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": "yesterday"}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": "2025-01-01T00:00:00"}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": "1970-01-01T00:00:00Z"}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": "2200-01-01T00:00:00Z"}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": "0001-01-01T00:00:00+14:00"}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": "9999-12-31T23:59:60-14:00"}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": 0}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": -1e11}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": 10**30}, "logs[0].timestamp"),
        ({"message": "a", "timestamp": 10**4000}, "logs[0].timestamp"),
        ({"message": "a", "meta": nested(33)}, "logs[0].meta"),
        ({"message": "a", "deep": nested(32)}, "logs[0].deep"),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_an_entry_that_cannot_be_accepted(send: Send, entry: dict[str, Any], path: str) -> None:
    assert problem(send([entry]))[0] == path


def test_each_reason_names_its_place_and_the_first_twenty_are_reported(send: Send) -> None:
    entries = [{"message": "fine"}] + [{"message": "", "level": 3}] * 30
    told = error(send(entries), 400, "VALIDATION_ERROR")
    assert [d["path"] for d in told["details"][:3]] == ["logs[1].level", "logs[1].message", "logs[2].level"]
    assert len(told["details"]) == 20


# -- Prefer: handling=lenient -----------------------------------------------------------------------------------------


def test_lenient_stores_what_is_right(send: Send) -> None:
    entries = [
        {"message": "good"},
        {"message": ""},
        {"message": "better", "timestamp": 0},
        1,
        {"message": "best", "x": 1},
    ]
    response = send(entries, prefer="respond-async, handling=lenient")
    assert response.status_code == 200
    assert response.json()["data"] == {"accepted": 2, "rejected": 3}
    assert [d["path"] for d in response.json()["details"]] == ["logs[1].message", "logs[2].timestamp", "logs[3]"]
    assert response["Preference-Applied"] == "handling=lenient"
    assert set(LogEntry.objects.values_list("message", flat=True)) == {"good", "best"}
    assert RateBucket.objects.get().count == 2


def test_lenient_with_nothing_wrong(send: Send) -> None:
    assert send(HELLO, prefer="handling=lenient").json() == {"data": {"accepted": 1, "rejected": 0}, "details": []}


def test_lenient_leaves_out_broken_lines(send: Send) -> None:
    body = b'{"message": "a"}\n{"mess\n{"message": "b"}'
    response = send(body, content_type="application/x-ndjson", prefer="handling=lenient")
    assert response.json() == {
        "data": {"accepted": 2, "rejected": 1},
        "details": [{"path": "logs[1]", "message": "is not JSON"}],
    }


def test_lenient_does_not_make_json_of_what_is_none(send: Send) -> None:
    error(send(b"{", prefer="handling=lenient"), 400, "BAD_REQUEST")
