"""POST /api/v1/logs/ingest: what becomes of the fields of an entry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from logs.models import LogEntry
from services.models import Environment, Service
from tests.logs.conftest import Send
from tests.logs.sending import nested, problem, stored

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("sent", "level"),
    [
        *((name, "debug") for name in ("debug", "trace", "TRACE", "Verbose")),
        *((name, "info") for name in ("info", "notice", "INFORMATION", None)),
        *((name, "warn") for name in ("warn", "Warning", " WARN ")),
        *(
            (name, "error")
            for name in ("error", "err", "FATAL", "critical", "Crit", "alert", "emerg", "emergency", "panic")
        ),
    ],
)
def test_levels(send: Send, sent: str | None, level: str) -> None:
    assert send([{"message": "a", "level": sent}]).status_code == 200
    assert stored().level == level


def around(moment: datetime) -> list[tuple[Any, datetime]]:
    """What may be sent for `moment`, a whole second, and what it means."""
    epoch = int(moment.timestamp())
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    east = (moment + timedelta(hours=5, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S")
    milli = moment + timedelta(milliseconds=250)
    return [
        (f"{text}Z", moment),
        (f"{text.lower()}z", moment),
        (f"{text.replace('T', ' ')}Z", moment),
        (f"{text}-00:00", moment),
        (f"{east}+05:30", moment),
        (f"{text}.25Z", milli),
        (f"{text}.250000000Z", milli),
        (epoch, moment),
        (epoch + 0.25, milli),
        (epoch * 1_000 + 250, milli),
        (epoch * 1_000 + 250.125, milli + timedelta(microseconds=125)),
        (epoch * 1_000_000 + 250_001, milli + timedelta(microseconds=1)),
        (epoch * 1_000_000_000 + 250_001_000, milli + timedelta(microseconds=1)),
    ]


def test_timestamps(send: Send) -> None:
    moments = around(timezone.now().replace(microsecond=0) - timedelta(days=3))
    assert send([{"message": str(i), "timestamp": sent} for i, (sent, _) in enumerate(moments)]).status_code == 200
    found = dict(LogEntry.objects.values_list("message", "ts"))
    assert {sent: found[str(i)] for i, (sent, _) in enumerate(moments)} == dict(moments)


def test_a_leap_second_begins_the_next_minute(send: Send, settings: Any) -> None:
    day = timezone.now().astimezone(UTC).date() - timedelta(days=1)
    assert send([{"message": "a", "timestamp": f"{day}T23:59:60.5Z"}]).status_code == 200
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    assert stored().ts == midnight + timedelta(seconds=0.5)


def test_the_window_of_times(send: Send, environment: Environment) -> None:
    now = timezone.now()
    for good in (now - timedelta(days=7) + timedelta(seconds=5), now + timedelta(hours=23, minutes=59)):
        assert send([{"message": "a", "timestamp": good.isoformat()}]).status_code == 200
    Service.objects.filter(pk=environment.service_id).update(retention_days=2)
    response = send([{"message": "a", "timestamp": (now - timedelta(days=3)).isoformat()}])
    assert response.json()["error"]["details"] == [
        {"path": "logs[0].timestamp", "message": "is older than the 2 days that this service keeps"}
    ]
    Service.objects.filter(pk=environment.service_id).update(retention_days=30)
    assert send([{"message": "a", "timestamp": (now - timedelta(days=29)).isoformat()}]).status_code == 200
    assert LogEntry.objects.count() == 3


def test_fields_are_stored_as_they_came(send: Send) -> None:
    entry = {"message": " a\tb\\n\nc\r\\.\\N ", "trace_id": "\\N\t", "request_id": "", "meta": {"a\n": "\\N\r\t'\"é😀"}}
    assert send(json.dumps([entry], indent="\t").encode()).status_code == 200
    log = stored()
    assert {
        "message": log.message,
        "trace_id": log.trace_id,
        "request_id": log.request_id,
        "meta": log.meta_json,
    } == entry


def test_unknown_fields_go_into_meta(send: Send) -> None:
    send([{"message": "a", "meta": {"user": 1, "x": 0}, "user": 2, "host": "web-1", "nothing": None, "_user": 3}])
    assert stored().meta_json == {"user": 1, "x": 0, "_user": 2, "host": "web-1", "nothing": None, "__user": 3}


def test_unknown_fields_make_a_meta(send: Send) -> None:
    send([{"message": "a", "meta": None, "host": "web-1"}])
    assert stored().meta_json == {"host": "web-1"}


def test_of_a_field_given_twice_the_last_counts(send: Send) -> None:
    send(b'[{"message": "a", "message": "b", "meta": {"x": 1, "x": 2}, "y": 1, "y": 2}]')
    assert (stored().message, stored().meta_json) == ("b", {"x": 2, "y": 2})


def test_what_postgresql_cannot_hold_is_replaced(send: Send) -> None:
    send(
        rb'[{"message": "a\u0000b\ud800\\u0000\ud83d\ude00\udc00",'
        rb' "trace_id": "\uDFFF", "meta": {"\u0000": ["\ud800x"]}}]'
    )
    log = stored()
    assert log.message == "a\ufffdb\ufffd\\u0000😀\ufffd"
    assert (log.trace_id, log.meta_json) == ("\ufffd", {"\ufffd": ["\ufffdx"]})


def test_numbers_keep_every_digit(send: Send) -> None:
    numbers = b"[12345678901234567890123456789, 0.1234567890123456789, 1.10, 1e300, -0.0, 5e-324, 1E-0400]"
    send(b'[{"message": "a", "meta": {"n": ' + numbers + b"}}]")
    found = LogEntry.objects.extra(select={"text": "meta_json->>'n'"}).values_list("text", flat=True).get()
    assert found.startswith("[12345678901234567890123456789, 0.1234567890123456789, 1.10, 1000000")


@pytest.mark.parametrize(
    "number",
    ["1e400", "-1e400", "1e200000", "1e-20000", "9" * 401, "0." + "1" * 500, "1E-0401", "9" * 350 + ".5", "1e309"],
)
def test_numbers_that_no_reader_could_hold(send: Send, number: str) -> None:
    body = f'[{{"message": "a", "meta": {{"text": "1e400", "n": [{number}]}}}}]'
    assert problem(send(body.encode()))[0] == "logs[0].meta"
    assert problem(send(f'[{{"message": "a", "n": {number}}}]'.encode()))[0] == "logs[0].n"


def test_a_timestamp_of_too_many_digits(send: Send) -> None:
    assert problem(send(b'[{"message": "a", "timestamp": ' + b"9" * 5_000 + b"}]"))[0] == "logs[0].timestamp"


def test_digits_in_text_are_not_a_number(send: Send) -> None:
    meta = {"text": "9" * 1_000 + " 1e-99999", "e-0000": 1, "whole": int("9" * 400)}
    assert send([{"message": "a", "meta": meta}]).status_code == 200
    assert stored().meta_json == meta


def test_the_deepest_meta(send: Send) -> None:
    meta = {"brackets": "[" * 40 + '\\"{' * 40, "deep": nested(31)}
    assert send([{"message": "a", "meta": meta}]).status_code == 200
    assert stored().meta_json == meta


def test_the_longest_message(send: Send) -> None:
    assert send([{"message": "é" * 128 * 1024}]).status_code == 200
    assert send([{"message": "-a1b2.cd/ef@" * 21_845}]).status_code == 200  # each word of it is indexed


def test_long_ids_are_kept(send: Send) -> None:
    assert send([{"message": "a", "trace_id": "t" * 100_000, "request_id": "r" * 100_000}]).status_code == 200
    assert stored().trace_id == "t" * 100_000
