"""OTLP in protobuf.

The messages are declared here with everything below a LogRecord as bytes: that is the same on the wire, the decoder's
work stays in C and small, and text that is not UTF-8 costs itself alone (a `string` would cost the whole request).
Most attributes repeat within a request, so what they become is looked up by their bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from logs.ingest.foreign_body import check_count, check_parts
from logs.ingest.protobuf import Field, Fields, check_messages, declare
from logs.ingest.protocols.otlp.mapping import ATTRIBUTES, Extra, id_of_bytes, make_row
from logs.ingest.record import label_of
from logs.ingest.rows import Row
from pulseops.core.web.json_errors import ApiError

_MOST_CACHED = 50_000  # attributes of one request
_VARINT_BYTES = 9  # of a number below 2^63; negative ones have ten
_SHORT = 128  # bytes of an attribute: its lengths have one byte each
_DEEPEST = 100  # nested values; more are kept as base64
_BYTES, _INT64, _UINT32, _INT32 = Field.TYPE_BYTES, Field.TYPE_INT64, Field.TYPE_UINT32, Field.TYPE_INT32

# opentelemetry/proto/{collector/logs,logs,resource,common}/v1, by number.
_MESSAGES: dict[str, Fields] = {
    "LogRecord": (
        ("time", 1, Field.TYPE_FIXED64, False),
        ("severity", 2, _INT32, False),
        ("severity_text", 3, _BYTES, False),
        ("body", 5, _BYTES, False),
        ("attributes", 6, _BYTES, True),
        ("dropped", 7, _UINT32, False),
        ("flags", 8, Field.TYPE_FIXED32, False),
        ("trace_id", 9, _BYTES, False),
        ("span_id", 10, _BYTES, False),
        ("observed", 11, Field.TYPE_FIXED64, False),
        ("event_name", 12, _BYTES, False),
    ),
    "ScopeLogs": (("scope", 1, _BYTES, False), ("records", 2, "LogRecord", True)),
    "ResourceLogs": (("resource", 1, _BYTES, False), ("scopes", 2, "ScopeLogs", True)),
    "Request": (("resources", 1, "ResourceLogs", True),),
    "Resource": (("attributes", 1, _BYTES, True),),
    "Scope": (("name", 1, _BYTES, False), ("version", 2, _BYTES, False), ("attributes", 3, _BYTES, True)),
    "KeyValue": (("key", 1, _BYTES, False), ("value", 2, _BYTES, False)),
    "Values": (("values", 1, _BYTES, True),),
    "AnyValue": (
        ("text", 1, _BYTES, False),
        ("truth", 2, Field.TYPE_BOOL, False),
        ("whole", 3, _INT64, False),
        ("real", 4, Field.TYPE_DOUBLE, False),
        ("array", 5, _BYTES, False),
        ("pairs", 6, _BYTES, False),
        ("raw", 7, _BYTES, False),
    ),
}


_classes = declare("pulseops.otlp", _MESSAGES, one_of="AnyValue")
_Request, _Resource, _Scope = _classes["Request"], _classes["Resource"], _classes["Scope"]
_KeyValue, _AnyValue, _Values = _classes["KeyValue"], _classes["AnyValue"], _classes["Values"]


def read_protobuf(body: bytes) -> list[Row]:
    """Read a request. Raises ApiError 400 for what is none."""
    try:
        check_messages(body, (1, 2, 2))
        request = _Request.FromString(body)
    except DecodeError as error:
        raise ApiError("BAD_REQUEST", "The body is not an OTLP request in protobuf.") from error
    scopes = [scope for resource in request.resources for scope in resource.scopes]
    check_count(max(len(request.resources), len(scopes), sum(len(scope.records) for scope in scopes)))
    check_parts(sum(len(record.attributes) for scope in scopes for record in scope.records), len(body))
    reader = _Reader()
    return [
        reader.row(record, shared)
        for resource in request.resources
        for scope in resource.scopes
        for shared in (reader.shared(resource.resource, scope.scope),)
        for record in scope.records
    ]


class _Reader:
    """Reads one request; remembers what its attributes become."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self._labels: dict[bytes, bytes] = {}  # by the bytes of a name, its length before it
        self._named: dict[bytes, tuple[str, bytes]] = {}  # of those in ATTRIBUTES the name and the value

    def row(self, record: Any, shared: bytes) -> Row:
        known = self._known
        members = [known.get(raw) or self._member(raw) for raw in record.attributes]
        named = self._named_of(record.attributes) if self._named else {}
        span_id, event, dropped, flags = record.span_id, record.event_name, record.dropped, record.flags
        extras: tuple[Extra, ...] = ()
        if span_id or event or dropped or flags:
            extras = (
                (b'"span_id":', id_of_bytes(span_id)),
                (b'"otel.event.name":', _text(event)),
                (b'"otel.dropped_attributes_count":', dropped),
                (b'"trace_flags":', flags),
            )
        trace_id, severity_text = record.trace_id, record.severity_text
        return make_row(
            shared,
            record.time or record.observed,
            record.severity,
            _text(severity_text) if severity_text else "",
            _body(record.body),
            members,
            named,
            id_of_bytes(trace_id) if trace_id else None,
            _text(event) if event else None,
            extras,
        )

    def _named_of(self, attributes: Sequence[bytes]) -> dict[str, bytes]:
        return dict(self._named[raw] for raw in attributes if raw in self._named)

    def shared(self, resource: bytes, scope: bytes) -> bytes:
        """Return the members that all logs of a resource and scope have."""
        members = list[bytes]()
        try:
            members += [self._member(raw) for raw in _Resource.FromString(resource).attributes]
            parsed = _Scope.FromString(scope)
            for name, value in ((b"name", parsed.name), (b"version", parsed.version)):
                if value:
                    members.append(b'"otel.scope.%b":%b' % (name, msgspec.json.encode(_text(value))))
            members += [self._member(raw) for raw in parsed.attributes]
        except DecodeError:
            pass  # its logs are worth more than what they have in common
        return b",".join(members)

    def _member(self, raw: bytes) -> bytes:
        label, value = _simple(raw, self._labels) or self._any_member(raw)
        if len(self._known) >= _MOST_CACHED:
            for cache in (self._known, self._named, self._labels):
                cache.clear()
        if name := _LOOKED_AT.get(label):
            self._named[raw] = name, value
        self._known[raw] = member = label + value
        return member

    def _any_member(self, raw: bytes) -> tuple[bytes, bytes]:
        try:
            pair = _KeyValue.FromString(raw)
            return label_of(_text(pair.key)), _json(pair.value, 0)
        except DecodeError:
            return b'"unreadable":', msgspec.json.encode(raw)


_LOOKED_AT = {label_of(name): name for name in ATTRIBUTES}


def _simple(raw: bytes, labels: dict[bytes, bytes]) -> tuple[bytes, bytes] | None:
    """Read a KeyValue of a short name and a short text or a number by its bytes, as nearly all are; None for any other.

    0x0A, length, name, 0x12, length of the value, then 0x0A, length, text or 0x18, number.
    """
    size = len(raw)
    if size < 6 or raw[0] != 0x0A or raw[1] > 0x7F:
        return None
    at = raw[1] + 2
    if at + 3 >= size or raw[at] != 0x12 or raw[at + 1] != size - at - 2 or size > _SHORT:
        return None
    if raw[at + 2] == 0x0A:
        if raw[at + 3] != size - at - 4:
            return None
        value = msgspec.json.encode(str(raw[at + 4 :], "utf-8", "replace"))
    elif raw[at + 2] == 0x18 and (number := _varint(raw[at + 3 :])) is not None:
        value = b"%d" % number
    else:
        return None
    name = raw[1:at]
    label = labels.get(name)
    if label is None:
        label = labels[name] = label_of(str(name[1:], "utf-8", "replace"))
    return label, value


def _varint(raw: bytes) -> int | None:
    """Read a number that is not below zero and ends where the bytes do; None for any other."""
    if raw[0] < 0x80:
        return raw[0] if len(raw) == 1 else None
    if len(raw) > _VARINT_BYTES or raw[-1] > 0x7F:
        return None
    number = raw[-1]
    for byte in raw[-2::-1]:
        if byte < 0x80:
            return None
        number = number << 7 | byte & 0x7F
    return number


def _text(raw: bytes) -> str:
    return str(raw, "utf-8", "replace")


def _body(raw: bytes) -> str | bytes | None:
    """Return a body's text, else the JSON of what it is. Of a body that is text the AnyValue need not be made."""
    if not raw:
        return None
    if (start := _text_start(raw)) is not None:
        return str(raw[start:], "utf-8", "replace")
    try:
        value = _AnyValue.FromString(raw)
        match value.WhichOneof("value"):
            case "text":
                return _text(value.text)
            case "raw":
                return _text_or_json(value.raw)
            case None:
                return None
        return _json(raw, 0)
    except DecodeError:
        return msgspec.json.encode(raw)


def _text_start(raw: bytes) -> int | None:
    """Return where the text of an AnyValue begins that is nothing but a text of less than 16 KiB; else None."""
    size = len(raw)
    if raw[0] != 0x0A or size < 2:
        return None
    if raw[1] < 0x80:
        return 2 if size == raw[1] + 2 else None
    return 3 if size > 2 and raw[2] < 0x80 and size == (raw[1] & 0x7F | raw[2] << 7) + 3 else None


def _text_or_json(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return msgspec.json.encode(raw)[1:-1]  # base64


def _json(raw: bytes, depth: int) -> bytes:
    """Return an AnyValue as the JSON that it stands for. Raises DecodeError."""
    value = _AnyValue.FromString(raw)
    match value.WhichOneof("value"):
        case "text":
            return msgspec.json.encode(_text(value.text))
        case "truth":
            return b"true" if value.truth else b"false"
        case "whole":
            return str(value.whole).encode()
        case "real":
            return msgspec.json.encode(value.real if math.isfinite(value.real) else _not_finite(value.real))
        case "raw":
            return msgspec.json.encode(value.raw)
        case "array" | "pairs" if depth >= _DEEPEST:
            return msgspec.json.encode(raw)
        case "array":
            return b"[" + b",".join([_json(each, depth + 1) for each in _Values.FromString(value.array).values]) + b"]"
        case "pairs":
            return b"{" + b",".join([_pair(each, depth) for each in _Values.FromString(value.pairs).values]) + b"}"
    return b"null"


def _pair(raw: bytes, depth: int) -> bytes:
    pair = _KeyValue.FromString(raw)
    return msgspec.json.encode(_text(pair.key) or "_") + b":" + _json(pair.value, depth + 1)


def _not_finite(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
