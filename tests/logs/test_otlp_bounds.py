"""POST /v1/logs: what careless clients send, what is refused, and how much is taken."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from logs.models import LogEntry
from services.models import ApiKey, RateBucket, TokenBucket
from tests.logs.otlp_records import JSON, PROTOBUF, in_json, nanoseconds, record, request_of
from tests.logs.sending import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_minute")]


def test_one_bad_record_costs_itself_alone(export: Any) -> None:
    old = record("too old", time_unix_nano=nanoseconds(timedelta(days=400)))
    response = export(request_of(record("a"), old, record("b")))
    partial = ExportLogsServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, partial.rejected_log_records) == (200, 1)
    assert "older than this service keeps logs" in partial.error_message
    assert set(LogEntry.objects.values_list("message", flat=True)) == {"a", "b"}


def test_nothing_that_a_record_holds_is_refused(export: Any) -> None:
    deep = AnyValue(string_value="x")
    for _ in range(40):
        deep = AnyValue(array_value=ArrayValue(values=[deep]))
    body = request_of(
        record("é" * 200_000),
        record("nul \0"),
        record("BADUTF"),
        record("deep", attributes=[KeyValue(key="deep", value=deep)]),
        record("twice", attributes=[KeyValue(key="k", value=AnyValue(int_value=n)) for n in (1, 2)]),
    ).replace(b"BADUTF", b"\xff\xfe\xfdUTF")
    assert export(body).content == b""
    logs = {log.message[:5]: log for log in LogEntry.objects.all()}
    assert len(logs["ééééé"].message.encode()) == 256 * 1024
    assert logs["ééééé"].meta_json["truncated"] is True
    assert logs["nul \ufffd"].level == "info"
    assert logs["\ufffd\ufffd\ufffdUT"]
    assert isinstance(logs["deep"].meta_json["deep"], str)
    assert logs["twice"].meta_json["k"] == 2


def test_json_that_is_not_quite_json(export: Any) -> None:
    body = in_json({"body": {"stringValue": "BAD"}, "attributes": [{"key": "n", "value": {"doubleValue": "NAN"}}]})
    body = body.replace(b"BAD", b"a\xff\tb").replace(b'"NAN"', b"NaN")
    assert export(body, JSON).status_code == 200
    assert (stored().message, stored().meta_json) == ("a\ufffd\tb", {"n": "NaN"})


@pytest.mark.parametrize("body", [b"{", b"1", b'{"resourceLogs": 1', b'"resourceLogs"', b"[" * 100_000])
def test_what_is_not_otlp_in_json(export: Any, body: bytes) -> None:
    response = export(body, JSON)
    assert (response.status_code, response.json()["code"]) == (400, 3)


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%b]}]}]}' % b",".join([b"{}"] * 300_000),  # empty objects
        b'{"resource_logs":[%b]}' % b",".join([b"0"] * 300_000),  # what is read only where a request is odd
        b"[%b]" % b",".join([b"{}"] * 300_000),
        b"[%b]" % b",".join([b"[]"] * 300_000),
    ],
    ids=["records", "snake case", "requests", "lists"],
)
def test_what_is_nearly_all_punctuation_is_not_decoded(export: Any, body: bytes) -> None:
    tracemalloc.start()
    try:
        response = export(body, JSON)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert response.status_code == 413
    assert most < 12 * len(body), "of each few bytes an object was made"


def test_what_is_not_otlp_in_protobuf(export: Any) -> None:
    whole = request_of(record(), record())
    for body in (whole[:-3], b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 20):
        assert export(body).status_code == 400
    assert not LogEntry.objects.exists()
    assert export(b"").status_code == 200


def test_statuses_are_in_the_words_of_the_encoding(export: Any) -> None:
    response = export(in_json(), JSON, x_api_key="pol_unknown")
    assert (response.status_code, response.json()["code"]) == (403, 7)
    response = Client().post("/v1/logs", b"", content_type=PROTOBUF)
    assert (response.status_code, response.content[:2], response["Content-Type"]) == (401, b"\x08\x10", PROTOBUF)
    assert export(b"<xml/>", "text/xml").status_code == 415
    assert Client().get("/v1/logs").status_code == 405


@pytest.mark.parametrize("path", ["/v1/traces", "/otlp/v1/metrics", "/v1/metrics/"])
def test_other_signals_are_refused_with_the_reason(export: Any, path: str) -> None:
    response = export(b"{}", JSON, path)
    assert response.status_code == 404
    assert "OTEL_TRACES_EXPORTER=none" in response.json()["message"]


@pytest.mark.parametrize("path", ["/otlp/v1/logs", "/v1/logs/", "/otlp//v1//logs"])
def test_other_spellings_of_the_path(export: Any, path: str) -> None:
    assert export(request_of(record()), path=path).status_code == 200


def test_an_error_of_ours_is_one_that_clients_repeat(export: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("logs.ingest.protocols.otlp.protocol.read_protobuf", fail)
    response = export(request_of(record()))
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_ten_thousand_records_in_one_request(export: Any) -> None:
    body = gzip.compress(request_of(*[record(f"log {n}", severity_number=9) for n in range(10_000)]), 1)
    assert export(body, content_encoding="gzip").content == b""
    assert LogEntry.objects.count() == 10_000


def test_a_batch_above_the_rate_gets_in_and_the_next_waits_for_seconds(export: Any) -> None:
    ApiKey.objects.update(rate_per_minute=60)
    response = export(request_of(*[record()] * 62))
    assert response.status_code == 200, response.content
    assert TokenBucket.objects.get().tokens == pytest.approx(-2, abs=1)
    response = export(request_of(record()))
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 4
    TokenBucket.objects.update(filled_at=timezone.now() - timedelta(seconds=10))
    assert export(request_of(record())).status_code == 200
    assert LogEntry.objects.count() == 63


def test_our_own_protocol_is_paid_for_out_of_the_same_bucket(export: Any, send: Any) -> None:
    """A key that uses both does not reach twice its rate."""
    ApiKey.objects.update(rate_per_minute=60)
    assert send({"logs": [{"message": "ours"}] * 40}).status_code == 200
    assert export(request_of(*[record()] * 10)).status_code == 200
    assert TokenBucket.objects.get().tokens == pytest.approx(10, abs=2)
    assert send({"logs": [{"message": "ours"}] * 8}).status_code == 200  # 58 of 60 in this window
    assert export(request_of(*[record()] * 4)).status_code == 200
    assert TokenBucket.objects.get().tokens == pytest.approx(-2, abs=2)
    assert export(request_of(record())).status_code == 429
    # The window goes by, and the bucket pays for what came in it once.
    RateBucket.objects.update(window_start=F("window_start") - timedelta(minutes=1))
    TokenBucket.objects.update(
        filled_at=timezone.now() - timedelta(seconds=30), seen_window=F("seen_window") - timedelta(minutes=1)
    )
    assert send({"logs": [{"message": "ours"}] * 20}).status_code == 200
    assert export(request_of(record())).status_code == 200
    assert TokenBucket.objects.get().tokens == pytest.approx(7, abs=3)  # -2 + 30 - 20 - 1
