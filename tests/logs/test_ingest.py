"""POST /api/v1/logs/ingest, line by line of contracts.md: the key, the method, the media type, the rate."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from logs.ingest import store
from logs.models import LogCount, LogEntry
from pulseops.core.checks import a_batch_fits_into_a_minute
from services.models import ApiKey, Environment, RateBucket
from tests.logs.conftest import URL, Send
from tests.logs.sending import HELLO, error, stored
from tests.support.factories import make_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]


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


@pytest.fixture
def few_bytes(settings: Any) -> int:
    settings.INGEST_BYTES_PER_MINUTE = 100
    return 100


def test_bytes_are_counted_beside_logs(send: Send, few_bytes: int) -> None:
    body = json.dumps(HELLO).encode().ljust(60)
    assert send(body).status_code == 200
    assert RateBucket.objects.get().bytes == 60
    response = send(body)
    assert (response.status_code, response.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert send(json.dumps(HELLO).encode().ljust(40)).status_code == 200
    assert RateBucket.objects.values_list("count", "bytes").get() == (2, 100)
    assert LogEntry.objects.count() == 2


def test_the_bytes_of_large_batches_are_counted(send: Send, few_bytes: int, settings: Any) -> None:
    """These go by COPY, the others by one statement."""
    body = json.dumps([{"message": "a"}] * 30).encode()
    assert send(body).status_code == 429
    settings.INGEST_BYTES_PER_MINUTE = len(body)
    assert send(body).status_code == 200
    assert send(HELLO).status_code == 429


@pytest.mark.parametrize(
    "body", [b"{" * 60, b'[{"message": ""}]'.ljust(60), b'[{"message": 1, "timestamp": "x"}]'.ljust(60)]
)
def test_the_bytes_of_refused_batches_count(send: Send, few_bytes: int, body: bytes) -> None:
    """Reading them cost as much; then nothing more is read until the minute is over."""
    assert send(body).status_code == send(body).status_code == 400
    assert RateBucket.objects.values_list("count", "bytes").get() == (0, 120)
    assert send(body).status_code == send(HELLO).status_code == 429
    assert RateBucket.objects.get().bytes == 120


def test_what_is_unpacked_counts(send: Send, few_bytes: int) -> None:
    body = gzip.compress(json.dumps(HELLO).encode().ljust(101))
    assert send(body, content_encoding="gzip").status_code == 429
    assert not LogEntry.objects.exists()


def test_a_batch_must_fit_into_a_minute(settings: Any) -> None:
    settings.INGEST_BYTES_PER_MINUTE = settings.INGEST_MAX_BYTES - 1
    assert [each.id for each in a_batch_fits_into_a_minute()] == ["pulseops.E011"]


def test_keys_are_counted_apart(send: Send, environment: Environment) -> None:
    ApiKey.objects.update(rate_per_minute=1)
    send(HELLO)
    other = make_key(environment)
    assert send(HELLO, x_api_key=other).status_code == 200


# -- Around it --------------------------------------------------------------------------------------------------------


def test_the_correlation_id_comes_back(send: Send) -> None:
    assert send(HELLO, x_correlation_id="abc-1")["x-correlation-id"] == "abc-1"


@pytest.mark.plain_database("counts the statements of the one that stores few logs")
def test_nothing_that_pages_need_runs(send: Send, django_assert_num_queries: Any) -> None:
    send(HELLO)  # the key's scope is remembered from here on
    with django_assert_num_queries(2) as queries:  # a test's savepoint; the one prepared statement is not counted
        response = send(HELLO, cookie=f"pulseops_session={'0' * 64}; csrftoken=x")
    assert not any("sessions" in query["sql"] for query in queries)
    assert not {"Set-Cookie", "Content-Security-Policy", "Vary"} & set(response.headers)
    assert response["Content-Length"] == str(len(response.content))
    assert response["X-Content-Type-Options"] == "nosniff"


def test_few_logs_are_stored_alike_on_a_cluster(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"message": 'a\\b\t"c" {d} ü\n%s', "level": "error", "meta": {"a": ["\\", None, 1.5]}, "traceId": "t"}
    body = {"logs": [said, {"message": "NULL"}, {"message": "then", "timestamp": timezone.now().isoformat()}]}
    names = ("org_id", "service_id", "environment_id", "level", "message", "meta_json", "trace_id", "request_id")
    kept = []
    for is_distributed in (False, True):
        monkeypatch.setattr(store, "is_distributed", lambda is_it=is_distributed: is_it)
        assert send(json.dumps(body).encode()).status_code == 200
        rows = LogEntry.objects.order_by("id").values_list(*names)
        counts = LogCount.objects.order_by("level").values_list("org_id", "environment_id", "level", "count")
        kept.append((list(rows), list(counts)))
        LogEntry.objects.all().delete()
        LogCount.objects.all().delete()
    assert kept[0] == kept[1]
    assert sum(count for *_, count in kept[0][1]) == len(kept[0][0]) > 1
