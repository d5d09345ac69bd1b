"""OTLP in protobuf.

The messages are declared here with everything below a LogRecord as bytes: that is the same on the wire, the decoder's
work stays in C and small, and text that is not UTF-8 costs itself alone (a `string` would cost the whole request).
Most attributes repeat within a request, so what they become is looked up by their bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from logs.ingest.columns import AcceptedTimes, Batch, columns_of
from logs.ingest.foreign_body import check_count, check_parts
from logs.ingest.protobuf import Field, Fields, check_messages, declare
from logs.ingest.protocols.otlp.mapping import ATTRIBUTES, Extra, id_of_bytes, make_row
from logs.ingest.protocols.otlp.protobuf_columns import ColumnReader
from logs.ingest.protocols.otlp.shared_columns import WORTH_COLUMNS, parts_of
from logs.ingest.protocols.otlp.wire import simple_attribute, text_start
from logs.ingest.record import label_of
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, are_plain, batch_of
from pulseops.core.web.json_errors import ApiError

_MOST_CACHED = 50_000  # attributes of one request
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


def read_protobuf(body: bytes, window: AcceptedTimes) -> Batch:
    """Read a request. Raises ApiError 400 for what is none."""
    try:
        check_messages(body, (1, 2, 2))
        request = _Request.FromString(body)
    except DecodeError as error:
        raise ApiError("BAD_REQUEST", "The body is not an OTLP request in protobuf.") from error
    scopes = [scope for resource in request.resources for scope in resource.scopes]
    check_count(max(len(request.resources), len(scopes), sum(len(scope.records) for scope in scopes)))
    check_parts(sum(len(record.attributes) for scope in scopes for record in scope.records), len(body))
    refused, reader = Refused(), AttributeReader()
    parts = [
        part
        for resource in request.resources
        for scope in resource.scopes
        for part in _parts(scope.records, reader.shared(resource.resource, scope.scope), reader, window, refused)
    ]
    columns = columns_of(parts)
    return Batch(columns, is_plain=are_plain(columns), refused=refused, rejected=len(refused))


def _parts(
    records: Sequence[Any], shared: bytes, reader: AttributeReader, window: AcceptedTimes, refused: Refused
) -> Iterator[Batch]:
    """Read the records of a scope: some hundred at a time, one by one where one of them is unusual."""
    fast = ColumnReader(shared, window, reader).columns if len(records) >= WORTH_COLUMNS else None
    return parts_of(records, fast, lambda some: batch_of([reader.row(each, shared) for each in some], window, refused))


class AttributeReader:
    """Reads one request; remembers what its attributes become."""

    def __init__(self) -> None:
        self.forgotten = 0  # times that there were too many
        self._known: dict[bytes, bytes] = {}
        self._labels: dict[bytes, bytes] = {}  # by the bytes of a name, its length before it
        self._named: dict[bytes, tuple[str, bytes]] = {}  # of those in ATTRIBUTES the name and the value

    def row(self, record: Any, shared: bytes) -> Row:
        forgotten = self.forgotten
        members = self.members(record.attributes)
        named = self.named_of(record.attributes) if self._named else {}
        if self.forgotten != forgotten:
            named = self._named_anew(record.attributes)
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

    def members(self, attributes: Sequence[bytes]) -> list[bytes]:
        """Return attributes as members of a JSON object."""
        known, member = self._known.get, self._member
        return [known(raw) or member(raw) for raw in attributes]

    def has_named(self, attributes: Sequence[bytes]) -> bool:
        """Return whether one of the attributes, which have been read, is looked at."""
        return bool(self._named) and not self._named.keys().isdisjoint(attributes)

    def named_of(self, attributes: Sequence[bytes]) -> dict[str, bytes]:
        """Return the values of those attributes that are looked at, by their names."""
        return dict(self._named[raw] for raw in attributes if raw in self._named)

    def _named_anew(self, attributes: Sequence[bytes]) -> dict[str, bytes]:
        """Return what `named_of` returns of attributes that are so many that some are forgotten already."""
        pairs = (simple_attribute(raw, {}) or self._any_member(raw) for raw in attributes)
        return {_LOOKED_AT[label]: value for label, value in pairs if label in _LOOKED_AT}

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
        label, value = simple_attribute(raw, self._labels) or self._any_member(raw)
        if len(self._known) >= _MOST_CACHED:
            for cache in (self._known, self._named, self._labels):
                cache.clear()
            self.forgotten += 1
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


def _text(raw: bytes) -> str:
    return str(raw, "utf-8", "replace")


def _body(raw: bytes) -> str | bytes | None:
    """Return a body's text, else the JSON of what it is. Of a body that is text the AnyValue need not be made."""
    if not raw:
        return None
    if (start := text_start(raw)) is not None:
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
