"""POST /loki/api/v1/push: what Promtail, Alloy, Vector, Fluent Bit and Loki's libraries send.

Sources: Grafana Loki, docs/sources/reference/loki-http-api.md, pkg/push/push.proto, pkg/loghttp/push/push.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from google.protobuf.message import DecodeError
from msgspec import Raw

from logs.ingest import json_text
from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.foreign_body import check_count, check_parts, check_punctuation, too_large, unsnap
from logs.ingest.protobuf import Field, check_messages, declare
from logs.ingest.protocols.base import ForeignProtocol, status_response
from logs.ingest.record import FieldNames, Record, json_of, level_or_default, lift, micros_of, text_of
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, batch_of
from logs.ingest.store import Answer
from pulseops.core.web.json_errors import ApiError

_BYTES = Field.TYPE_BYTES
_classes = declare(
    "pulseops.loki",
    {
        "Time": (("seconds", 1, Field.TYPE_INT64, False), ("nanos", 2, Field.TYPE_INT32, False)),
        "Label": (("name", 1, _BYTES, False), ("value", 2, _BYTES, False)),
        "Entry": (("time", 1, "Time", False), ("line", 2, _BYTES, False), ("metadata", 3, _BYTES, True)),
        "Stream": (("labels", 1, _BYTES, False), ("entries", 2, "Entry", True)),
        "Push": (("streams", 1, "Stream", True),),
    },
)
_Push, _Label = _classes["Push"], _classes["Label"]
# What labels and metadata may say of a log; a message or a time is not among it.
_LABELS = FieldNames(message=(), time=(), level=("level", "detected_level", "severity", "lvl"))
# name="value", Go's quotes or backquotes; names as people write them.
_LABEL = re.compile(r'(?<![^\s=,{}"`])([^\s=,{}"`]{1,200}+)\s*+=\s*+("(?:[^"\\]++|\\.)*+"|`[^`]*+`)')
_KNOWN_CHARACTERS = 2_000  # of labels that are remembered
_NO_ENTRY = "not a pair of time and line"
_Fields = dict[str, Raw]


class _OldEntry(msgspec.Struct):
    ts: Raw = Raw(b"null")
    line: Raw = Raw(b'""')


class _Stream(msgspec.Struct):
    stream: dict[str, Raw] | None = None
    values: list[Raw] | None = None
    labels: str | None = None
    entries: list[_OldEntry] | None = None


class _Request(msgspec.Struct):
    streams: list[_Stream] | None = None


_request = msgspec.json.Decoder(_Request)
_entry = msgspec.json.Decoder(list[Raw])
_string = msgspec.json.Decoder(str)


class LokiProtocol(ForeignProtocol):
    """A push is answered by 204 and nothing, an error by one line of text."""

    name = "loki"

    def read(self, body: bytes, request: HttpRequest, window: AcceptedTimes) -> Batch:
        refused = Refused()
        is_json = "json" in request.META.get("CONTENT_TYPE", "").lower()
        rows = list(_read_json(body, refused)) if is_json else _read_any(body, request, refused)
        return batch_of(rows, window, refused)

    def respond(self, answer: Answer, request: HttpRequest, *, is_replayed: bool) -> HttpResponse:
        return HttpResponse(status=204)

    def refuse(self, error: ApiError, request: HttpRequest) -> HttpResponse:
        return status_response(error, f"{error.message}\n".encode(), "text/plain; charset=utf-8")


def _read_any(body: bytes, request: HttpRequest, refused: Refused) -> list[Row]:
    """Read protobuf, which is packed with snappy whatever the header says; or JSON of a client that names no type."""
    if body.lstrip()[:1] == b"{":
        return list(_read_json(body, refused))
    if "snappy" not in request.META.get("HTTP_CONTENT_ENCODING", "").lower():
        body = _unpacked(body)
    try:
        check_messages(body, (1, 2))
        return _read_push(_Push.FromString(body), len(body))
    except DecodeError as error:
        raise ApiError("BAD_REQUEST", "The body is not a push of Loki's: snappy protobuf or JSON.") from error


def _read_push(push: Any, size: int) -> list[Row]:
    check_count(max(len(push.streams), sum(len(stream.entries) for stream in push.streams)))
    check_parts(sum(len(entry.metadata) for stream in push.streams for entry in stream.entries), size)
    return [
        _row(
            entry.time.seconds * 1_000_000 + entry.time.nanos // 1_000 or None, _text(entry.line), labels, _pairs(entry)
        )
        for stream in push.streams
        for labels in (_labels_of(_text(stream.labels)),)
        for entry in stream.entries
    ]


def _unpacked(body: bytes) -> bytes:
    try:
        content = unsnap(body, settings.INGEST_FOREIGN_MAX_BYTES)
    except ValueError:
        return body
    if content is None:
        raise too_large(settings.INGEST_FOREIGN_MAX_BYTES)
    return content


def _read_json(body: bytes, refused: Refused) -> Iterator[Row]:
    check_punctuation(body)
    request = json_text.decode(body, _request)
    if request is None:
        raise ApiError("BAD_REQUEST", "The body is not a push of Loki's in JSON.")
    streams = request.streams or ()
    check_count(max(len(streams), sum(len(each.entries or ()) + len(each.values or ()) for each in streams)))
    for stream in streams:
        labels = _LABELS.read(stream.stream or {}) if stream.labels is None else _labels_of(stream.labels)
        for old in stream.entries or ():
            yield _row(micros_of(old.ts), text_of(old.line), labels, {})
        for value in stream.values or ():
            parts = json_text.decode(bytes(value), _entry)
            if not parts or len(parts) < 2:  # a time and a line
                refused.add(_NO_ENTRY, bytes(value))
                continue
            metadata = json_text.decode_fields(bytes(parts[2])) if len(parts) > 2 else None
            yield _row(micros_of(parts[0]), text_of(parts[1]), labels, metadata or {})


def _row(micros: int | None, line: str, labels: Record, metadata: _Fields) -> Row:
    inner, own = lift(line.rstrip("\r\n\0")), _LABELS.read(metadata) if metadata else Record()
    fields = {**labels.rest, **own.rest, **inner.rest}
    return (
        micros if micros is not None else inner.micros,
        level_or_default(own.level, labels.level, inner.level),
        inner.message or "",
        Record(rest=fields).meta(),
        own.trace_id or labels.trace_id or inner.trace_id,
        own.request_id or labels.request_id or inner.request_id,
    )


def _pairs(entry: Any) -> _Fields:
    return {_text(pair.name): json_of(_text(pair.value)) for pair in map(_Label.FromString, entry.metadata)}


def _labels_of(text: str) -> Record:
    return _LABELS.read(dict(_known(text) if len(text) <= _KNOWN_CHARACTERS else _parsed(text)))


def _parsed(text: str) -> tuple[tuple[str, Raw], ...]:
    """Read `{name="value", …}`; what cannot be read stays as it is, for a log is worth more than its labels."""
    pairs = tuple((match[1], json_of(_unquoted(match[2]))) for match in _LABEL.finditer(text))
    return pairs if pairs or text.strip() in ("", "{}") else (("labels", json_of(text)),)


_known = lru_cache(maxsize=1_024)(_parsed)


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    try:
        return _string.decode(text)
    except msgspec.DecodeError:
        return text[1:-1]


def _text(raw: bytes) -> str:
    return str(raw, "utf-8", "replace")
