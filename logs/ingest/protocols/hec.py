"""Splunk's HTTP Event Collector: /services/collector, events or lines.

Sources: Splunk Enterprise, "Format events for HTTP Event Collector", "Troubleshoot HTTP Event Collector".
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import Raw

from accounts.tenancy import public
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import documents_of, lines_of
from logs.ingest.foreign_body import check_count, most_logs
from logs.ingest.json_text import Fields, decode_fields
from logs.ingest.protocols.base import ForeignProtocol, json_response, status_response
from logs.ingest.record import FieldNames, json_of, row_of, text_of
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.machine_routes import machine_route

# Of an event that is an object; and of what stands around it.
_EVENT = FieldNames(message=("message", "msg", "log", "line", "text"))
_ENVELOPE = FieldNames(message=(), time=("time",), level=("severity", "level", "log_level", "lvl"))
_NO_EVENT, _BLANK, _NO_JSON = "without an event", "with an empty event", "not a JSON object"
_CODES: dict[str, tuple[str, int]] = {
    "UNAUTHORIZED": ("Token is required", 2),
    "FORBIDDEN": ("Invalid token", 4),
    "RATE_LIMITED": ("Server is busy", 9),
    "UNAVAILABLE": ("Server is busy", 9),
    "INTERNAL_ERROR": ("Internal server error", 8),
}
_INVALID = ("Invalid data format", 6)
_BY_REASON = {_NO_EVENT: ("Event field is required", 12), _BLANK: ("Event field cannot be blank", 13)}


class HecProtocol(ForeignProtocol):
    """Events: JSON objects one behind the other, with nothing between them if the client likes."""

    name = "hec"
    probe_methods = ("OPTIONS",)  # Docker's driver starts no container without a 200

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        if not body.strip():
            raise ApiError("BAD_REQUEST", "No data")
        refused, rows = Refused(), list[Row]()
        for document in documents_of(body):
            row = _event(document)
            if isinstance(row, str):
                refused.add(row, document)
            else:
                rows.append(row)
        if not rows:
            raise ApiError("BAD_REQUEST", next(iter(refused.counts), _NO_JSON))
        return batch_of(rows, window, refused)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return json_response({"text": "Success", "code": 0})

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        text, code = _CODES.get(error.code) or _BY_REASON.get(error.message, _INVALID)
        if error.message == "No data":
            text, code = "No data", 5
        body: dict[str, object] = {"text": text, "code": code}
        if error.code == "BAD_REQUEST" and code != 5:
            body["invalid-event-number"] = 0
        return status_response(error, msgspec.json.encode(body), "application/json")


class RawProtocol(HecProtocol):
    """Lines of text; what Splunk calls their metadata comes in the address."""

    _METADATA: ClassVar = ("host", "source", "sourcetype", "index")

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        if not body.strip():
            raise ApiError("BAD_REQUEST", "No data")
        named = {name: json_of(request.GET[name]) for name in self._METADATA if name in request.GET}
        lines = [line.decode("utf-8", "replace") for line in lines_of(body.replace(b"\r", b"\n"), most_logs() + 1)]
        check_count(len(lines))
        rows = [row_of(_EVENT.read({"message": json_of(line), **named}), line) for line in lines]
        return batch_of(rows, window)


@public
@machine_route
def hec_health(request: HttpRequest) -> HttpResponse:
    """Answer that events are taken; touches no database."""
    return json_response({"text": "HEC is healthy", "code": 17})


@public
@machine_route
def hec_ack(request: HttpRequest) -> HttpResponse:
    """Say that nothing is acknowledged later: the answer to a batch is its acknowledgement."""
    return json_response({"text": "ACK is disabled", "code": 14}, status=400)


def _event(document: bytes) -> Row | str:
    """Return the row of an event, or why it has none."""
    envelope = decode_fields(document)
    if envelope is None:
        return _NO_JSON
    event = envelope.pop("event", Raw(b"null"))
    if bytes(event) == b"null":
        return _NO_EVENT
    fields: Fields = {**(decode_fields(bytes(envelope.pop("fields", b"null"))) or {}), **envelope}
    around = _ENVELOPE.read(fields)
    text = text_of(event)
    if not text.strip():
        return _BLANK
    inner = decode_fields(bytes(event)) if bytes(event)[:1] == b"{" else None
    record = _EVENT.read(_opened(inner) if inner is not None else {"message": json_of(text)})
    if around.micros is not None:
        record.micros = around.micros
    record.rest = {**around.rest, **record.rest}
    record.trace_id, record.request_id = record.trace_id or around.trace_id, record.request_id or around.request_id
    row = row_of(record, text, level=around.level)
    return row if record.message else (row[0], row[1], row[2], around.meta(), row[4], row[5])


def _opened(event: Fields) -> Fields:
    """Let the fields of an object that stands for the text be the event's: Docker's driver puts one into `line`,
    splunk-logging into `message`, winston's transport there too, with what else it was given in its `meta`."""
    for name in ("line", "message"):
        if inner := _object(event, name):
            outer = {key: value for key, value in event.items() if key != name}
            return {**outer, **_object(inner, "meta"), **{key: value for key, value in inner.items() if key != "meta"}}
    return event


def _object(fields: Fields, name: str) -> Fields:
    """Return the members of a field that is an object, none of any other."""
    value = bytes(fields.get(name, b""))
    return (decode_fields(value) or {}) if value[:1] == b"{" else {}
