"""Datadog's intake of logs: POST /api/v2/logs and the older /v1/input.

Sources: Datadog's API reference (Send logs); datadog-agent, pkg/logs/client/http/destination.go.
"""

from __future__ import annotations

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from msgspec import Raw

from accounts.tenancy import public
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.documents import documents_of
from logs.ingest.guards import unavailable
from logs.ingest.json_text import Fields, decode_fields
from logs.ingest.protocols.base import ForeignProtocol, json_response, status_response
from logs.ingest.record import FieldNames, Record, json_of, level_or_default, lift, micros_of, row_of, text_of
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import STATUS, ApiError
from pulseops.core.web.machine_routes import machine_route
from services.authentication import Credential, authenticate
from services.models import ApiKey

_NAMES = FieldNames(
    message=("message", "msg"),
    time=("timestamp", "date", "@timestamp"),
    level=("status", "level", "severity", "log.level"),
    trace=("dd.trace_id", "trace_id", "traceId", "trace.id"),
)
_TITLES = {400: "Bad Request", 403: "Forbidden", 413: "Payload Too Large", 429: "Too Many Requests"}
_MOST_TAGS = 200


class DatadogProtocol(ForeignProtocol):
    """An array, an object, lines of JSON, or a line of text; answered by 202 and an empty object."""

    name = "datadog"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        at = micros_of(Raw(request.META.get("HTTP_DD_MESSAGE_TIMESTAMP", "null").encode()))
        # {} is how the Agent asks at its start whether someone is there.
        rows = [_row(document, at) for document in documents_of(body) if document.strip() != b"{}"]
        return batch_of(rows, window)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return json_response({}, status=202)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        status = STATUS["FORBIDDEN"] if error.code == "UNAUTHORIZED" else STATUS[error.code]
        detail = {"detail": error.message, "status": str(status), "title": _TITLES.get(status, "Error")}
        return status_response(error, msgspec.json.encode({"errors": [detail]}), "application/json", status=status)


@public
@machine_route
def datadog_validate(request: HttpRequest) -> HttpResponse:
    """Say whether a key is one; clients ask before they send."""
    try:
        authenticate(Credential.of(request.META, ApiKey.Scope.LOGS))
    except ApiError:
        return json_response({"errors": ["Forbidden"]}, status=403)
    except (OperationalError, InterfaceError):
        return DatadogProtocol().refuse(unavailable(), request)
    return json_response({"valid": True})


def _row(document: bytes, at: int | None) -> Row:
    text = document.decode("utf-8", "replace").strip()
    fields = decode_fields(document)
    if fields is None:
        record = lift(text)
        return row_of(record, text)
    record = _NAMES.read(_with_tags(fields))
    nested = fields.get("message")
    if record.message is None and nested is not None and (inner := decode_fields(bytes(nested))):
        del fields["message"]
        record = _with_inner(record, inner)
        text = text_of(nested)
    if record.micros is None:
        record.micros = at
    return row_of(record, text)


def _with_inner(record: Record, inner: Fields) -> Record:
    """A message that is an object has the log's own fields."""
    own = _NAMES.read(inner)
    return Record(
        message=own.message,
        micros=record.micros if record.micros is not None else own.micros,
        level=level_or_default(record.level, own.level),
        trace_id=record.trace_id or own.trace_id,
        request_id=record.request_id or own.request_id,
        rest={**record.rest, **own.rest},
    )


def _with_tags(fields: Fields) -> Fields:
    """Make fields of `ddtags`: `env:prod,urgent`; those without a colon stay a list."""
    tags = fields.get("ddtags")
    if tags is None or bytes(tags)[:1] != b'"':
        return fields
    plain = list[str]()
    for tag in text_of(fields.pop("ddtags")).split(",", _MOST_TAGS):
        name, colon, value = tag.strip().partition(":")
        if colon and name:
            fields.setdefault(name, json_of(value))
        elif name:
            plain.append(tag.strip())
    if plain:
        fields["ddtags"] = json_of(plain)
    return fields
