"""POST /v1/logs: what OpenTelemetry's SDKs and Collectors send, and the answers that they act upon.

They drop a batch on any 4xx and on 500, so what entries say is never a reason for one, and our own mistakes are 503.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.foreign_body import check_objects
from logs.ingest.protocols.base import LONGEST_REASON, ForeignProtocol, status_response
from logs.ingest.protocols.otlp.json import read_json
from logs.ingest.protocols.otlp.protobuf import read_protobuf
from logs.ingest.rows import batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_TYPES = {
    "application/x-protobuf": PROTOBUF,
    "application/protobuf": PROTOBUF,
    "application/vnd.google.protobuf": PROTOBUF,
    "application/octet-stream": PROTOBUF,
    "application/json": JSON,
    "text/json": JSON,
}
# google.rpc.Code
_CODES: Mapping[str, int] = {
    "UNAUTHORIZED": 16,
    "FORBIDDEN": 7,
    "NOT_FOUND": 5,
    "RATE_LIMITED": 8,
    "METHOD_NOT_ALLOWED": 12,
    "UNAVAILABLE": 14,
}
_INVALID = 3


class OtlpProtocol(ForeignProtocol):
    """ExportLogsServiceRequest in, ExportLogsServiceResponse or google.rpc.Status out, in the request's encoding."""

    name = "otlp"
    bug_code = "UNAVAILABLE"

    def load(self, request: HttpRequest) -> bytes:
        _declared_type(request)
        return super().load(request)

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        kind = _declared_type(request) or (JSON if body.lstrip()[:1] in (b"{", b"[") else PROTOBUF)
        if kind == JSON:
            check_objects(body)
            return read_json(body, window) if body.strip() else batch_of([], window)
        return read_protobuf(body, window)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        rejected, reason = answer["rejected"], answer["reason"][:LONGEST_REASON]
        if _declared_type(request) == JSON:
            partial = {"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": reason}}
            return HttpResponse(msgspec.json.encode(partial if rejected else {}), content_type=JSON)
        return HttpResponse(partial_success(rejected, reason) if rejected else b"", content_type=PROTOBUF)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        code, is_json = _CODES.get(error.code, _INVALID), "json" in request.META.get("CONTENT_TYPE", "").lower()
        if is_json:
            content, kind = msgspec.json.encode({"code": code, "message": error.message}), JSON
        else:
            content, kind = rpc_status(code, error.message), PROTOBUF
        return status_response(error, content, kind)


class OtherSignal(OtlpProtocol):
    """POST /v1/traces, /v1/metrics: PulseOps keeps logs. The SDK writes the reason down and drops what it had."""

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        words = "PulseOps keeps logs: set OTEL_TRACES_EXPORTER=none and OTEL_METRICS_EXPORTER=none."
        return super().refuse(ApiError("NOT_FOUND", words), request)


def partial_success(rejected: int, reason: str) -> bytes:
    """Write an ExportLogsServiceResponse with its partial_success."""
    inner = b"\x08" + _varint(rejected) + b"\x12" + _text(reason)
    return b"\x0a" + _varint(len(inner)) + inner


def rpc_status(code: int, message: str) -> bytes:
    """Write a google.rpc.Status."""
    return b"\x08" + _varint(code) + b"\x12" + _text(message)


def _text(text: str) -> bytes:
    content = text.encode("utf-8", "replace")
    return _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the low ones first."""
    content = bytearray()
    while number > 0x7F:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    content.append(number)
    return bytes(content)


def _declared_type(request: HttpRequest) -> Any:
    """Return PROTOBUF or JSON by the Content-Type, None if there is none. Raises ApiError 415 for another one."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type == "text/plain" and "HTTP_ORIGIN" in request.META:  # what scripts of web pages send without asking
        return None
    if media_type and media_type not in _TYPES:
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send application/x-protobuf or application/json.")
    return _TYPES.get(media_type)
