"""A request of another protocol has so many logs and no more: many small ones cost more than a few large ones."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import cramjam
import pytest
from django.test import RequestFactory
from django.utils import timezone

from logs.ingest.columns import AcceptedTimes
from logs.ingest.protocols.base import ForeignProtocol
from logs.ingest.protocols.datadog import DatadogProtocol
from logs.ingest.protocols.drains import HttpDrain, VercelDrain
from logs.ingest.protocols.elastic.bulk import BulkProtocol
from logs.ingest.protocols.firehose import FirehoseProtocol
from logs.ingest.protocols.gelf import GelfProtocol
from logs.ingest.protocols.hec import HecProtocol, RawProtocol
from logs.ingest.protocols.heroku import HerokuDrain
from logs.ingest.protocols.loki import LokiProtocol, _known, _labels_of
from logs.ingest.protocols.otlp.json import read_json
from logs.ingest.protocols.otlp.protobuf import read_protobuf
from logs.ingest.protocols.otlp.protocol import OtlpProtocol
from logs.ingest.record import _labels, label_of
from pulseops.core.web.json_errors import ApiError
from tests.logs.foreign import JSON, MICROS, bulk, push
from tests.logs.otlp_records import PROTOBUF, in_json, record, request_of
from tests.support.cpu import BUDGET_SECONDS, cpu_of


def message(tag: int, content: bytes) -> bytes:
    """Return a field of protobuf that holds a message."""
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([tag, *length, size]) + content


MOST = 10  # of Loki's; two thirds by _bulk, two fifths of those that cost most


def lines(count: int, document: Any) -> bytes:
    return bulk(*[document] * count)


BODIES: list[tuple[ForeignProtocol, int, Any]] = [
    (LokiProtocol(), 10, lambda n: json.dumps({"streams": [{"stream": {}, "values": [["1", "a"]] * n}]}).encode()),
    (LokiProtocol(), 10, lambda n: json.dumps({"streams": [{"stream": {}, "values": []}] * n}).encode()),
    (BulkProtocol(), 6, lambda n: lines(n, {"index": {}}).replace(b"\n", b'\n{"message": "a"}\n')),
    (HecProtocol(), 4, lambda n: b'{"event": "a"}' * n),
    (RawProtocol(), 10, lambda n: b"a\n\n" * n),
    (DatadogProtocol(), 4, lambda n: json.dumps([{"message": "a"}] * n).encode()),
    (GelfProtocol(), 4, lambda n: lines(n, {"short_message": "a"})),
    (HttpDrain(), 4, lambda n: lines(n, {"message": "a"})),
    (HttpDrain(), 4, lambda n: b"{} " * n),
    (VercelDrain(), 4, lambda n: json.dumps([{"message": "a"}] * n).encode()),
    (HerokuDrain(), 4, lambda n: b"21 <11>1 - vm a - - - ab" * n),
    (
        FirehoseProtocol(),
        4,
        lambda n: json.dumps({"records": [{"data": base64.b64encode(b"a\n" * n).decode()}]}).encode(),
    ),
    (FirehoseProtocol(), 10, lambda n: json.dumps({"records": [{"data": "!"}] * n}).encode()),
]


@pytest.mark.parametrize(("protocol", "most", "body_of"), BODIES)
def test_one_more_is_too_many(protocol: ForeignProtocol, most: int, body_of: Any, settings: Any) -> None:
    settings.INGEST_FOREIGN_MAX_LOGS = MOST
    request, window = RequestFactory().post("/", content_type=JSON), AcceptedTimes(timezone.now(), 7)
    protocol.read(body_of(most), request, window)
    with pytest.raises(ApiError, match=f"may have {most} logs") as told:
        protocol.read(body_of(most + 1), request, window)
    assert told.value.code == "PAYLOAD_TOO_LARGE"


def test_so_it_is_in_protobuf(settings: Any) -> None:
    settings.INGEST_FOREIGN_MAX_LOGS = MOST
    request, window = RequestFactory().post("/", content_type=PROTOBUF), AcceptedTimes(timezone.now(), 7)
    assert len(LokiProtocol().read(push(*[(MICROS, b"a")] * MOST), request, window)) == MOST
    with pytest.raises(ApiError, match="may have 10 logs"):
        LokiProtocol().read(push(*[(MICROS, b"a")] * (MOST + 1)), request, window)


def test_so_it_is_for_opentelemetry(settings: Any) -> None:
    settings.INGEST_FOREIGN_MAX_LOGS = MOST
    entry, more = {"body": {"stringValue": "a"}}, MOST + 1
    window = AcceptedTimes(timezone.now(), 7)
    assert len(read_json(in_json(*[entry] * MOST), window)) == MOST
    assert len(read_protobuf(request_of(*[record()] * MOST), window)) == MOST
    too_many = [in_json(*[entry] * more), b'{"resourceLogs":[%b{}]}' % (b"{}," * MOST)]
    too_many.append(b'{"resourceLogs":[{"scopeLogs":[%b{}]}]}' % (b"{}," * MOST))
    for body in too_many:
        with pytest.raises(ApiError, match="may have 10 logs"):
            read_json(body, window)
    with pytest.raises(ApiError, match="may have 10 logs"):
        read_protobuf(request_of(*[record()] * more), window)


MANY = 200_000
DENSE: list[tuple[ForeignProtocol, str, bytes]] = [
    (OtlpProtocol(), JSON, b'{"resourceLogs":[%b{}]}' % (b"{}," * MANY)),
    (OtlpProtocol(), JSON, in_json({"attributes": []}).replace(b"[]", b"[%b{}]" % (b"{}," * MANY))),
    (OtlpProtocol(), PROTOBUF, b"\x0a\x00" * MANY),
    (OtlpProtocol(), PROTOBUF, message(0x0A, message(0x12, b"\x12\x00" * MANY))),
    (OtlpProtocol(), PROTOBUF, message(0x0A, message(0x12, message(0x12, b"\x32\x00" * MANY)))),
    (LokiProtocol(), JSON, b'{"streams":[%b{}]}' % (b"{}," * MANY)),
    (LokiProtocol(), PROTOBUF, bytes(cramjam.snappy.compress_raw(b"\x0a\x00" * MANY))),
    (LokiProtocol(), PROTOBUF, bytes(cramjam.snappy.compress_raw(message(0x0A, message(0x12, b"\x1a\x00" * MANY))))),
    (FirehoseProtocol(), JSON, b'{"records":[%b{}]}' % (b"{}," * MANY)),
    (DatadogProtocol(), JSON, b"[%b1]" % (b"1," * MANY)),
    (HttpDrain(), JSON, b"{}" * MANY),
]


@pytest.mark.parametrize(("protocol", "kind", "body"), DENSE)
def test_a_body_of_values_of_a_byte_is_refused_before_it_becomes_objects(
    protocol: ForeignProtocol, kind: str, body: bytes
) -> None:
    request = RequestFactory().post("/", content_type=kind)
    tracemalloc.start()
    try:
        with pytest.raises(ApiError) as told:
            protocol.read(body, request, AcceptedTimes(timezone.now(), 7))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.value.code == "PAYLOAD_TOO_LARGE"
    assert most < 20 * max(len(body), 2 * MANY)  # what is packed is smaller


def test_ordinary_bodies_are_not_dense() -> None:
    attributes = [{"key": f"k{number}", "value": {"intValue": "1"}} for number in range(100)]
    body = in_json(*[{"attributes": attributes}] * 500)
    assert len(body) > 1_000_000
    request, window = RequestFactory().post("/", content_type=JSON), AcceptedTimes(timezone.now(), 7)
    assert len(OtlpProtocol().read(body, request, window)) == 500


FIELDS = b",".join(b'"k%d":1' % number for number in range(250_000))
FEWER = b",".join(FIELDS.split(b",")[:2_500])


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        (GelfProtocol(), b'{"short_message":"x",%b}' % FIELDS),
        (DatadogProtocol(), b'[{"message":"x",%b}]' % FIELDS),
        (HttpDrain(), b'{"message":"x",%b}' % FIELDS),
        (BulkProtocol(), b'{"index":{}}\n{"message":"x",%b}' % FIELDS),
        (LokiProtocol(), b'{"streams":[{"stream":{},"values":[["%d000",{%b}]]}]}' % (MICROS, FIELDS)),
        (
            LokiProtocol(),
            b'{"streams":[{"stream":{},"values":[["%d000",{%b}]]}]}' % (MICROS, FEWER),
        ),
    ],
)
def test_a_log_of_a_great_many_fields_is_kept_as_text(protocol: ForeignProtocol, body: bytes) -> None:
    request, window = RequestFactory().post("/", content_type=JSON), AcceptedTimes(timezone.now(), 7)
    batch, seconds = cpu_of(protocol.read, body, request, window, within=BUDGET_SECONDS)
    assert len(batch) == 1
    assert "k100" in batch.columns.message[0] or "k100" in (batch.columns.meta_json[0] or "")
    assert seconds < BUDGET_SECONDS


def test_nothing_long_is_remembered() -> None:
    before = len(_labels), _known.cache_info().currsize
    label_of("n" * 100_000)
    _labels_of('{app="%s"}' % ("v" * 100_000))
    assert (len(_labels), _known.cache_info().currsize) == before
    for number in range(10_000):
        label_of(f"field {number}")
    assert len(_labels) <= 4_096
