"""POST /v1/logs: OTLP in JSON and protobuf, as SDKs, Collectors and careless clients send it."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import SeverityNumber
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from logs.ingest.columns import AcceptedTimes
from logs.ingest.protocols.otlp.json import _LogRecord, read_json
from logs.ingest.protocols.otlp.mapping import LEVELS, NAMES
from logs.ingest.protocols.otlp.protobuf import read_protobuf
from logs.ingest.rows import batch_of
from logs.models import LogEntry
from pulseops.core.web.json_errors import ApiError
from services.models import ApiKey, TokenBucket
from tests.logs.sending import stored

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def nanoseconds(ago: timedelta = timedelta()) -> int:
    return (timezone.now() - ago - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def request_of(*records: LogRecord, **resource: str) -> bytes:
    attributes = [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in resource.items()]
    scope = ScopeLogs(scope=InstrumentationScope(name="lib", version="1.2"), log_records=records)
    logs = ResourceLogs(resource=Resource(attributes=attributes), scope_logs=[scope])
    return ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString()


def record(text: str = "hello", **fields: Any) -> LogRecord:
    return LogRecord(**{"time_unix_nano": nanoseconds(), "body": AnyValue(string_value=text), **fields})


def in_json(*records: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}).encode()


def pairs(*values: Any) -> dict[str, Any]:
    return {"body": {"kvlistValue": {"values": values}}}


@pytest.fixture
def export(api_key: str) -> Any:
    def post(body: bytes, content_type: str = PROTOBUF, path: str = "/v1/logs", **headers: str) -> Any:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        client = Client(raise_request_exception=False)
        return client.post(path, body, content_type=content_type, headers={"x-api-key": api_key, **names})

    return post


pytestmark = pytest.mark.django_db


# -- What is stored ---------------------------------------------------------------------------------------------------


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


# -- What is wrong ----------------------------------------------------------------------------------------------------


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
def test_what_is_no_otlp_in_json(export: Any, body: bytes) -> None:
    response = export(body, JSON)
    assert (response.status_code, response.json()["code"]) == (400, 3)


def test_what_is_no_otlp_in_protobuf(export: Any) -> None:
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
def test_other_signals_are_told_why_not(export: Any, path: str) -> None:
    response = export(b"{}", JSON, path)
    assert response.status_code == 404
    assert "OTEL_TRACES_EXPORTER=none" in response.json()["message"]


@pytest.mark.parametrize("path", ["/otlp/v1/logs", "/v1/logs/", "/otlp//v1//logs"])
def test_other_spellings_of_the_path(export: Any, path: str) -> None:
    assert export(request_of(record()), path=path).status_code == 200


def test_an_error_of_ours_is_one_that_clients_repeat(export: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("logs.ingest.protocols.otlp.protocol.batch_of", fail)
    response = export(request_of(record()))
    assert (response.status_code, response["Retry-After"]) == (503, "5")


# -- Size and rate ----------------------------------------------------------------------------------------------------


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


# -- Anything ---------------------------------------------------------------------------------------------------------

texts = st.text(max_size=5) | st.sampled_from(["level", "trace_id", "request.id", "INFO", "{}", '{"level":"warn"}'])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "stringValue",
                    "intValue",
                    "doubleValue",
                    "bytesValue",
                    "arrayValue",
                    "kvlistValue",
                    "values",
                    "key",
                    "value",
                ]
            )
            | texts,
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
FIELDS = [each.encode_name for each in msgspec.structs.fields(_LogRecord)]
records = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, values))


@given(sent=st.lists(records, max_size=4))
@settings(deadline=None, max_examples=150)
def test_any_json_is_read_and_every_record_is_counted(sent: list[Any]) -> None:
    batch = batch_of(read_json(in_json(*sent)), AcceptedTimes(timezone.now(), 7))
    assert len(batch) + batch.rejected == len(sent)
    assert all(json.loads(meta) is not None for meta in batch.columns.meta_json if meta)


@given(body=st.binary(max_size=60), cut=st.integers(0, 400), flip=st.integers(0, 400))
@settings(deadline=None, max_examples=150)
def test_any_protobuf_is_read_or_refused(body: bytes, cut: int, flip: int) -> None:
    whole = bytearray(request_of(record(attributes=[KeyValue(key="a", value=AnyValue(int_value=7))]), service="shop"))
    whole[flip % len(whole)] ^= 0xFF
    for content in (body, bytes(whole), bytes(whole[:cut])):
        with suppress(ApiError):
            batch_of(read_protobuf(content), AcceptedTimes(timezone.now(), 7))


# -- The SDK ----------------------------------------------------------------------------------------------------------


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
    logger = logging.Logger("shop")  # noqa: LOG001 - nobody else shall hear it
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
