"""Amazon Data Firehose's HTTP endpoint: POST /firehose, with what CloudWatch Logs puts into it.

Source: Amazon, "Understand HTTP endpoint delivery request and response specifications".
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Iterator

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from msgspec import Raw

from logs.ingest import json_text
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import documents_of
from logs.ingest.foreign_body import check_count, check_punctuation, too_large, unpacked
from logs.ingest.json_text import Fields
from logs.ingest.protocols.base import ForeignProtocol, json_response, status_response
from logs.ingest.record import Record, json_of, level_or_default, lift
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError

_REQUEST_ID = re.compile(r"[!-~]{1,100}\Z")
_BROKEN = "in a record that cannot be unpacked"


class _Record(msgspec.Struct):
    data: str = ""


class _Request(msgspec.Struct):
    records: list[_Record]


class _Event(msgspec.Struct):
    message: Raw = Raw(b'""')
    timestamp: int | None = None


class _CloudWatch(msgspec.Struct, rename="camel"):
    message_type: str
    log_group: str | None = None
    log_stream: str | None = None
    log_events: list[_Event] | None = None


_request = msgspec.json.Decoder(_Request)
_cloud_watch = msgspec.json.Decoder(_CloudWatch)
_attributes = msgspec.json.Decoder(dict[str, Fields])


class FirehoseProtocol(ForeignProtocol):
    """The answer repeats the request's id; a request that comes again has the same one, and is stored once."""

    name = "firehose"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        check_punctuation(body)
        delivery = json_text.decode(body, _request)
        if delivery is None:
            raise ApiError("BAD_REQUEST", "The body is not a delivery of Firehose's.")
        rows, refused, common = list[Row](), Refused(), _common(request)
        size = 0
        check_count(len(delivery.records))
        for record in delivery.records:
            try:
                content = unpacked(base64.b64decode(record.data, validate=True), "gzip")
            except (ApiError, binascii.Error, ValueError):
                refused.add(_BROKEN, record.data)
                continue
            size += len(content)
            if size > settings.INGEST_FOREIGN_MAX_BYTES:
                raise too_large(settings.INGEST_FOREIGN_MAX_BYTES)
            rows += _rows(content, common)
            check_count(len(rows))
        return batch_of(rows, window, refused)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return json_response(_answer(request))

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        body = {**_answer(request), "errorMessage": error.message}
        return status_response(error, msgspec.json.encode(body), "application/json")

    def idempotency_key(self, request: HttpRequest) -> str | None:
        request_id = _request_id(request)
        return f"firehose:{request_id}" if _REQUEST_ID.match(request_id) else None


def _request_id(request: HttpRequest) -> str:
    value: str = request.META.get("HTTP_X_AMZ_FIREHOSE_REQUEST_ID", "")
    return value[:200]


def _answer(request: HttpRequest) -> dict[str, object]:
    return {"requestId": _request_id(request), "timestamp": int(time.time() * 1000)}


def _common(request: HttpRequest) -> Fields:
    header = request.META.get("HTTP_X_AMZ_FIREHOSE_COMMON_ATTRIBUTES", "").encode("utf-8", "replace")
    return (json_text.decode(header, _attributes) or {}).get("commonAttributes", {})


def _rows(content: bytes, common: Fields) -> Iterator[Row]:
    """Give the rows of one record: CloudWatch's objects, else lines of JSON or text."""
    for document in documents_of(content):
        delivery = json_text.decode(document, _cloud_watch) if b'"messageType"' in document else None
        if delivery is None:
            yield _row(lift(document.decode("utf-8", "replace").strip()), None, common)
        elif delivery.message_type == "DATA_MESSAGE":
            named = (("logGroup", delivery.log_group), ("logStream", delivery.log_stream))
            fields = {**common, **{name: json_of(value) for name, value in named if value}}
            for event in delivery.log_events or ():
                at = event.timestamp * 1000 if event.timestamp else None
                message = json_text.decode(bytes(event.message), _text)
                yield _row(lift((message or "").rstrip("\r\n")), at, fields)


_text = msgspec.json.Decoder(str)


def _row(record: Record, micros: int | None, fields: Fields) -> Row:
    return (
        micros if micros is not None else record.micros,
        level_or_default(record.level),
        record.message or "",
        Record(rest={**fields, **record.rest}).meta(),
        record.trace_id,
        record.request_id,
    )
