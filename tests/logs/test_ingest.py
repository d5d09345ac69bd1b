"""POST /api/v1/logs/ingest, line by line of contracts.md."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from logs.models import LogEntry
from services.models import ApiKey, Environment, RateBucket, Service
from tests.factories import make_key
from tests.logs.conftest import URL, Send

pytestmark = pytest.mark.django_db
HELLO = {"logs": [{"message": "hello"}]}


def stored() -> LogEntry:
    return LogEntry.objects.get()


def nothing_happened() -> bool:
    return not LogEntry.objects.exists() and not RateBucket.objects.filter(count__gt=0).exists()


def error(response: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["error"]["code"]) == (status, code), body
    assert body["correlationId"] == response["x-correlation-id"]
    assert nothing_happened()
    return body["error"]  # type: ignore[no-any-return]


def problem(response: Any) -> tuple[str, str]:
    [detail] = error(response, 400, "VALIDATION_ERROR")["details"]
    return detail["path"], detail["message"]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


# -- The key ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_stored_in_the_scope_of_its_key(send: Send, environment: Environment) -> None:
    response = send(HELLO)
    assert (response.status_code, response.json()) == (200, {"data": {"accepted": 1}})
    log = stored()
    assert (log.org, log.service, log.environment) == (
        environment.service.org,
        environment.service,
        environment,
    )
    assert (log.level, log.message, log.meta_json, log.trace_id, log.request_id) == ("info", "hello", None, None, None)
    assert abs(log.ts - timezone.now()) < timedelta(seconds=10)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_key_may_be_a_bearer_token(db: None, api_key: str, scheme: str) -> None:
    response = Client().post(URL, HELLO, "application/json", headers={"authorization": f"{scheme} {api_key}"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"x-api-key": " "}, {"authorization": "Basic abc"}, {"authorization": "Bearer"}]
)
def test_without_a_key(headers: dict[str, str]) -> None:
    response = Client().post(URL, b"\xff", "text/html", headers=headers)
    error(response, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("key", ["pol_" + "0" * 64, "nonsense", "é" * 40, "x" * 5_000])
def test_an_unknown_key_comes_before_what_is_wrong_with_the_body(key: str) -> None:
    error(Client().post(URL, b"\xff", "text/html", headers={"x-api-key": key}), 403, "FORBIDDEN")


def test_a_revoked_key_stores_nothing_from_that_moment_on(send: Send) -> None:
    assert send(HELLO).status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    LogEntry.objects.all().delete()
    RateBucket.objects.all().delete()
    error(send(HELLO), 403, "FORBIDDEN")
    error(send(b"not json"), 403, "FORBIDDEN")


def test_a_rotated_key_works_until_its_time(send: Send) -> None:
    ApiKey.objects.update(revoked_at=timezone.now() + timedelta(hours=1))
    assert send(HELLO).status_code == 200


def test_use_is_noted_once_a_minute(send: Send) -> None:
    send(HELLO)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    send(HELLO)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    send(HELLO)
    assert ApiKey.objects.get().last_used_at > first  # type: ignore[operator]


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options", "head"])
def test_only_post(method: str) -> None:
    response = getattr(Client(), method)(URL)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    if method != "head":
        error(response, 405, "METHOD_NOT_ALLOWED")


# -- What may be sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain", "multipart/form-data; boundary=x", "a"])
def test_another_media_type(send: Send, content_type: str) -> None:
    error(send(HELLO, content_type=content_type), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.x+json",
        "",
        "application/x-www-form-urlencoded",
    ],
)
def test_media_types_of_json(send: Send, content_type: str) -> None:
    assert send(HELLO, content_type=content_type).status_code == 200


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_another_encoding(send: Send, encoding: str) -> None:
    error(send(HELLO, content_encoding=encoding), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_gzip(send: Send) -> None:
    assert send(gzip.compress(json.dumps(HELLO).encode()), content_encoding="gzip").status_code == 200
    assert send(json.dumps(HELLO).encode(), content_encoding="identity").status_code == 200
    assert LogEntry.objects.count() == 2


def test_gzip_of_several_members_and_padding(send: Send) -> None:
    body = gzip.compress(b'{"message": "a"}\n') + gzip.compress(b'{"message": "b"}') + b"\0" * 100
    response = send(body, content_type="application/x-ndjson", content_encoding="gzip")
    assert response.json() == {"data": {"accepted": 2}}


GZIPPED = gzip.compress(b"[]", mtime=0)  # the same in every process, or xdist sees different tests


@pytest.mark.parametrize("body", [b"", b"not gzip", GZIPPED[:-1], GZIPPED + b"x"])
def test_broken_gzip(send: Send, body: bytes) -> None:
    error(send(body, content_encoding="gzip"), 400, "BAD_REQUEST")


def test_gzip_with_a_wrong_checksum(send: Send) -> None:
    body = bytearray(gzip.compress(json.dumps(HELLO).encode()))
    body[-5] ^= 1
    error(send(bytes(body), content_encoding="gzip"), 400, "BAD_REQUEST")


def test_a_decompression_bomb_stops_at_the_limit(send: Send) -> None:
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=1)
    error(send(bomb, content_encoding="gzip"), 413, "PAYLOAD_TOO_LARGE")


def test_the_limit_of_bytes_is_exact(send: Send) -> None:
    body = json.dumps(HELLO).encode()
    assert send(body.ljust(5 * 1024 * 1024)).status_code == 200
    LogEntry.objects.all().delete()
    RateBucket.objects.all().delete()
    error(send(body.ljust(5 * 1024 * 1024 + 1)), 413, "PAYLOAD_TOO_LARGE")
    error(send(b"\xff" * (5 * 1024 * 1024 + 1)), 413, "PAYLOAD_TOO_LARGE")  # before it is looked at


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
        (b'{"message": "a"}', "logs"),
        (b"1", "logs"),
        (b'"logs"', "logs"),
        (b"null", "logs"),
        (b"[1]", "logs[0]"),
        (b'{"logs": [null]}', "logs[0]"),
    ],
)
def test_json_that_is_no_batch(send: Send, body: bytes, path: str) -> None:
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
        ({"message": "a", "level": "loud"}, "logs[0].level"),
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


def test_each_reason_names_its_place_and_the_first_twenty_are_told(send: Send) -> None:
    entries = [{"message": "fine"}] + [{"message": "", "level": "loud"}] * 30
    told = error(send(entries), 400, "VALIDATION_ERROR")
    assert [d["path"] for d in told["details"][:3]] == ["logs[1].level", "logs[1].message", "logs[2].level"]
    assert len(told["details"]) == 20


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
    numbers = b"[12345678901234567890123456789, 0.1234567890123456789, 1.10, 1e300, -0.0, 5e-324]"
    send(b'[{"message": "a", "meta": {"n": ' + numbers + b"}}]")
    found = LogEntry.objects.extra(select={"text": "meta_json->>'n'"}).values_list("text", flat=True).get()
    assert found.startswith("[12345678901234567890123456789, 0.1234567890123456789, 1.10, 1000000")


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e200000", "1e-20000", "9" * 401, "0." + "1" * 500, "1E-0401"])
def test_numbers_that_no_reader_could_hold(send: Send, number: str) -> None:
    body = f'[{{"message": "a", "meta": {{"text": "1e400", "n": [{number}]}}}}]'
    assert problem(send(body.encode()))[0] == "logs[0].meta"
    assert problem(send(f'[{{"message": "a", "n": {number}}}]'.encode()))[0] == "logs[0].n"


def test_a_timestamp_of_too_many_digits(send: Send) -> None:
    assert problem(send(b'[{"message": "a", "timestamp": ' + b"9" * 5_000 + b"}]"))[0] == "logs[0].timestamp"


def test_digits_in_text_are_no_number(send: Send) -> None:
    meta = {"text": "9" * 1_000 + " 1e-99999", "e-0000": 1}
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


# -- Rate -------------------------------------------------------------------------------------------------------------


def test_the_rate_is_counted_in_windows_of_a_minute(send: Send) -> None:
    ApiKey.objects.update(rate_per_minute=5)
    assert send([{"message": "a"}] * 3).status_code == 200
    response = send([{"message": "a"}] * 3)
    assert (response.status_code, response.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert send([{"message": "a"}] * 2).status_code == 200
    assert send([{"message": "a"}]).status_code == 429
    bucket = RateBucket.objects.get()
    assert (bucket.count, bucket.window_start.second, bucket.window_start.microsecond) == (5, 0, 0)
    assert LogEntry.objects.count() == 5


def test_what_is_wrong_comes_before_the_rate(send: Send) -> None:
    ApiKey.objects.update(rate_per_minute=1)
    send(HELLO)
    assert send(HELLO).status_code == 429
    assert send([{"message": ""}]).status_code == 400


def test_a_batch_above_the_rate_never_fits(send: Send) -> None:
    ApiKey.objects.update(rate_per_minute=2)
    told = error(send([{"message": "a"}] * 3), 429, "RATE_LIMITED")
    assert "smaller batches" in told["message"]


def test_the_rate_of_the_installation(send: Send, settings: Any) -> None:
    settings.INGEST_RATE_PER_MINUTE = 1
    assert send(HELLO).status_code == 200
    assert send(HELLO).status_code == 429


def test_keys_are_counted_apart(send: Send, environment: Environment) -> None:
    ApiKey.objects.update(rate_per_minute=1)
    send(HELLO)
    other = make_key(environment)
    assert send(HELLO, x_api_key=other).status_code == 200


# -- Around it --------------------------------------------------------------------------------------------------------


def test_the_correlation_id_comes_back(send: Send) -> None:
    assert send(HELLO, x_correlation_id="abc-1")["x-correlation-id"] == "abc-1"


def test_nothing_that_pages_need_runs(send: Send, django_assert_num_queries: Any) -> None:
    send(HELLO)  # the key's scope is remembered from here on
    with django_assert_num_queries(2) as queries:  # a test's savepoint; the one prepared statement is not counted
        response = send(HELLO, cookie=f"pulseops_session={'0' * 64}; csrftoken=x")
    assert not any("sessions" in query["sql"] for query in queries)
    assert not {"Set-Cookie", "Content-Security-Policy", "Vary"} & set(response.headers)
    assert response["Content-Length"] == str(len(response.content))
    assert response["X-Content-Type-Options"] == "nosniff"
