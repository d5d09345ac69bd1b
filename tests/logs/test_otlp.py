"""POST /v1/logs: what is stored of OTLP in JSON and protobuf, as SDKs and Collectors send it."""

from __future__ import annotations

import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from opentelemetry._logs import SeverityNumber
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from logs.ingest.protocols.otlp.mapping import LEVELS, NAMES
from logs.models import LogEntry
from tests.logs.otlp_records import JSON, PROTOBUF, SPAN, TRACE, in_json, nanoseconds, pairs, record, request_of
from tests.logs.sending import stored

pytestmark = pytest.mark.django_db


def test_a_record_in_protobuf(export: Any) -> None:
    at = nanoseconds(timedelta(minutes=5)) + 999
    value = KeyValueList(values=[KeyValue(key="deep", value=AnyValue(bool_value=True))])
    attributes = [
        KeyValue(key="order", value=AnyValue(int_value=2**63 - 1)),
        KeyValue(key="price", value=AnyValue(double_value=float("nan"))),
        KeyValue(key="list", value=AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()]))),
        KeyValue(key="map", value=AnyValue(kvlist_value=value)),
        KeyValue(key="raw", value=AnyValue(bytes_value=b"\xff")),
        KeyValue(key="request_id", value=AnyValue(string_value="r-1")),
        KeyValue(),
    ]
    sent = record(
        "charge failed",
        time_unix_nano=at,
        severity_number=SeverityNumber.FATAL.value,
        severity_text="FATAL",
        trace_id=bytes.fromhex(TRACE),
        span_id=bytes.fromhex(SPAN),
        attributes=attributes,
        flags=1,
    )
    response = export(request_of(sent, service="shop"))
    assert (response.status_code, response.content, response["Content-Type"]) == (200, b"", PROTOBUF)
    log = stored()
    assert (log.level, log.message, log.trace_id, log.request_id) == ("error", "charge failed", TRACE, "r-1")
    assert log.ts == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at // 1_000)
    assert log.meta_json == {
        "service": "shop",
        "otel.scope.name": "lib",
        "otel.scope.version": "1.2",
        "order": 2**63 - 1,
        "price": "NaN",
        "list": [1, None],
        "map": {"deep": True},
        "raw": base64.b64encode(b"\xff").decode(),
        "request_id": "r-1",
        "_": None,
        "severity_text": "FATAL",
        "span_id": SPAN,
        "trace_flags": 1,
    }


def test_a_record_in_json(export: Any) -> None:
    sent = {
        "timeUnixNano": str(nanoseconds()),
        "severityNumber": 13,
        "body": {"stringValue": "slow"},
        "traceId": TRACE.upper(),
        "spanId": SPAN,
        "attributes": [
            {"key": "n", "value": {"intValue": "9007199254740993"}},
            {"key": "f", "value": {"doubleValue": "Infinity"}},
            {"key": "a", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"kvlistValue": None}]}}},
            {"key": "o", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}}},
            {"key": "none"},
        ],
    }
    response = export(in_json(sent), JSON)
    assert (response.status_code, response.json(), response["Content-Type"]) == (200, {}, JSON)
    log = stored()
    assert (log.level, log.message, log.trace_id) == ("warn", "slow", TRACE)
    expected = {"n": 9007199254740993, "f": "Infinity", "a": ["x", None], "o": {"k": False}, "none": None}
    assert log.meta_json == {**expected, "span_id": SPAN}


@pytest.mark.parametrize("number", range(1, 25))
def test_every_severity_number_has_a_level(number: int) -> None:
    assert LEVELS[number] == ["debug", "debug", "info", "warn", "error", "error"][(number - 1) // 4]
    assert SeverityNumber[NAMES[number]].value == number


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"severityText": "Warning"}, "warn"),
        ({"severityNumber": 99, "severityText": "ERR"}, "error"),
        ({"severityNumber": "SEVERITY_NUMBER_DEBUG2"}, "debug"),
        ({"attributes": [{"key": "log.level", "value": {"stringValue": "error"}}]}, "error"),
        ({"body": {"stringValue": '{"level":50,"msg":"boom"}'}}, "error"),
        ({"severityText": "loud"}, "info"),
        ({}, "info"),
    ],
)
def test_a_level_without_a_number(export: Any, fields: dict[str, Any], level: str) -> None:
    assert export(in_json({"body": {"stringValue": "a"}, **fields}), JSON).status_code == 200
    assert stored().level == level


@pytest.mark.parametrize(
    ("sent", "message", "meta"),
    [
        (pairs({"key": "msg", "value": {"stringValue": "m"}}, {"key": "k"}), "m", {"k": None}),
        (pairs({"key": "k", "value": {"intValue": 1}}), '{"k":1}', None),
        ({"body": {"arrayValue": {"values": [{"intValue": 1}]}}}, "[1]", None),
        ({"body": {"intValue": 5}}, "5", None),
        ({"body": "hi"}, "hi", None),
        ({"eventName": "session.start"}, "session.start", {"otel.event.name": "session.start"}),
        ({"attributes": [{"key": "message", "value": {"stringValue": "x"}}]}, "x", {"message": "x"}),
        ({}, "-", None),
    ],
)  # fmt: skip
def test_what_becomes_the_message(export: Any, sent: dict[str, Any], message: str, meta: Any) -> None:
    assert export(in_json(sent), JSON).status_code == 200
    assert (stored().message, stored().meta_json) == (message, meta)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (base64.b64encode(bytes.fromhex(TRACE)).decode(), TRACE),
        (base64.b64encode(base64.b64decode(TRACE)).decode(), TRACE),
        ("0" * 32, None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_ids_in_other_spellings(export: Any, sent: str, kept: str | None) -> None:
    export(in_json({"body": {"stringValue": "a"}, "traceId": sent}), JSON)
    assert stored().trace_id == kept


def test_keys_in_snake_case_and_nothing_where_lists_belong(export: Any) -> None:
    one = {"time_unix_nano": nanoseconds(), "body": {"string_value": "a"}, "attributes": None, "severity_number": 17}
    body = {"resource_logs": [{"resource": None, "scope_logs": [{"scope": {}, "log_records": [one, None, 1]}]}]}
    assert export(json.dumps(body).encode(), JSON).status_code == 200
    assert (stored().message, stored().level) == ("a", "error")


def test_an_array_of_requests(export: Any) -> None:
    body = b"[" + in_json({"body": {"stringValue": "a"}}) + b"," + in_json({"body": {"stringValue": "b"}}) + b"]"
    assert export(body, JSON).status_code == 200
    assert LogEntry.objects.count() == 2


def test_the_time_that_a_record_was_observed_stands_in(export: Any) -> None:
    at = nanoseconds(timedelta(minutes=1))
    export(request_of(record(time_unix_nano=0, observed_time_unix_nano=at)))
    assert stored().ts == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at // 1_000)


@pytest.mark.filterwarnings("ignore:`LoggingHandler`:DeprecationWarning")  # it moved to another package
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
def test_the_python_sdk(live_server: Any, api_key: str, compression: str) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415 - as its users have it
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415

    exporter = OTLPLogExporter(
        endpoint=f"{live_server.url}/v1/logs", headers={"x-api-key": api_key}, compression=Compression(compression)
    )
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.Logger("shop")  # noqa: LOG001 - no one else shall hear it
    logger.addHandler(LoggingHandler(logger_provider=provider))
    began = timezone.now()
    try:
        1 / 0  # noqa: B018 - is to fail
    except ZeroDivisionError:
        logger.exception("charge failed", extra={"order": 81342})
    logger.debug("fine")
    provider.shutdown()
    fine = LogEntry.objects.get(message="fine")
    failed = LogEntry.objects.get(message="charge failed")
    assert (failed.level, fine.level) == ("error", "debug")
    assert failed.meta_json["order"] == 81342
    assert failed.meta_json["exception.type"] == "ZeroDivisionError"
    assert began <= failed.ts <= timezone.now()
