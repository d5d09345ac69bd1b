"""OTLP in JSON: lowerCamelCase keys, ids in hexadecimal, 64-bit integers as text or number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from logs.ingest import json_text
from logs.ingest.columns import AcceptedTimes, Batch, columns_of
from logs.ingest.copy_format import replace_unstorable
from logs.ingest.foreign_body import check_count
from logs.ingest.protocols.otlp.json_columns import ColumnReader
from logs.ingest.protocols.otlp.json_oddities import decode_oddities
from logs.ingest.protocols.otlp.json_structs import (
    KeyValue,
    List,
    LogRecord,
    Pairs,
    Request,
    Scope,
    ScopeLogs,
    Value,
    nanoseconds,
    severity,
)
from logs.ingest.protocols.otlp.mapping import ATTRIBUTES, Attributes, Extra, id_of_text, make_row
from logs.ingest.protocols.otlp.shared_columns import WORTH_COLUMNS, parts_of
from logs.ingest.record import label_of
from logs.ingest.refused import Refused
from logs.ingest.rows import Row, are_plain, batch_of

_MOST_CACHED = 50_000  # attributes of one request
_BETWEEN = b'}},{"key":'  # which no text in JSON holds, for its quotes are escaped
_NESTED = b'"values"'
_TEXT_BODY = b'{"stringValue":"'


_request = msgspec.json.Decoder(Request)
_requests = msgspec.json.Decoder(list[Request])
_value = msgspec.json.Decoder(Value)
_list = msgspec.json.Decoder(List)
_pairs = msgspec.json.Decoder(Pairs)
_pair = msgspec.json.Decoder(KeyValue)
_attribute_list = msgspec.json.Decoder(list[KeyValue] | None)
_string = msgspec.json.Decoder(str)


def read_json(body: bytes, window: AcceptedTimes) -> Batch:
    """Read a request, or the array of them that Vector sends. Raises ApiError 400 for what is neither."""
    resources = [resource for request in _decode(body) for resource in request.resource_logs or ()]
    scopes = [scope for each in resources for scope in each.scope_logs or ()]
    check_count(max(len(resources), len(scopes), sum(len(each.log_records or ()) for each in scopes)))
    refused, reader = Refused(), _Reader()
    parts = [
        part
        for resource in resources
        for of_resource in (_attributes(resource.resource.attributes if resource.resource else None)[0],)
        for scope in resource.scope_logs or ()
        for part in reader.parts(scope, [*of_resource, *_scope_members(scope.scope)], window, refused)
    ]
    columns = columns_of(parts)
    return Batch(columns, is_plain=are_plain(columns), refused=refused, rejected=len(refused))


def _decode(body: bytes) -> Sequence[Request]:
    body = replace_unstorable(json_text.in_utf8(body))
    try:
        requests = _requests.decode(body) if body.lstrip()[:1] == b"[" else [_request.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_oddities(body)
    is_snake = any(each.resource_logs is None for each in requests) and b'"resource_logs"' in body
    return decode_oddities(body) if is_snake else requests


class _Reader:
    """Reads one request; remembers what its attributes become, for most come again and again."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self._named: dict[bytes, tuple[str, bytes]] = {}  # of those in ATTRIBUTES the name and the value

    def parts(
        self, scope: ScopeLogs, members: Sequence[bytes], window: AcceptedTimes, refused: Refused
    ) -> Iterator[Batch]:
        """Read the records of a scope: some hundred at a time, one by one where one of them is unusual."""
        records, shared = scope.log_records or [], b",".join(members)
        fast = ColumnReader(shared, window).columns if len(records) >= WORTH_COLUMNS else None
        return parts_of(
            records, fast, lambda some: batch_of([self.row(each, shared) for each in some], window, refused)
        )

    def row(self, record: LogRecord, shared: bytes) -> Row:
        members, named = self._attributes(bytes(record.attributes)) if record.attributes else ([], {})
        event = record.event_name
        extras: Sequence[Extra] = ()
        if event or record.span_id or record.dropped_attributes_count or record.flags:
            extras = _extras(record)
        body = bytes(record.body)
        return make_row(
            shared,
            nanoseconds(record.time_unix_nano) or nanoseconds(record.observed_time_unix_nano),
            severity(record.severity_number),
            record.severity_text or "",
            _body(body),
            members,
            named,
            id_of_text(record.trace_id) if record.trace_id else None,
            event,
            extras,
        )

    def _attributes(self, text: bytes) -> Attributes:
        """Cut the text of a list where one attribute ends and the next begins, as all write it who write no spaces."""
        if text[:8] != b'[{"key":' or text[-3:] != b"}}]" or _NESTED in text:
            return self._carefully(text)
        known = self._known
        pieces = text[8:-3].split(_BETWEEN)
        try:
            members = [known.get(piece) or self._member(piece) for piece in pieces]
        except msgspec.DecodeError:
            return self._carefully(text)
        named = self._named
        if named and not named.keys().isdisjoint(pieces):
            return members, dict(named[piece] for piece in pieces if piece in named)
        return members, {}

    def _member(self, piece: bytes) -> bytes:
        """Read `"key","value":{"stringValue":"text"`. Raises DecodeError for anything else."""
        label, text = _simple(piece) or self._any_member(piece)
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
            self._named.clear()
        if name := _LOOKED_AT.get(label):
            self._named[piece] = name, text
        self._known[piece] = member = label + text
        return member

    def _any_member(self, piece: bytes) -> tuple[bytes, bytes]:
        pair = _pair.decode(b'{"key":%b}}' % piece)
        return label_of(pair.key), b"null" if pair.value is None else _plain(pair.value)

    def _carefully(self, text: bytes) -> Attributes:
        try:
            return _attributes(_attribute_list.decode(text))
        except (msgspec.DecodeError, RecursionError):
            return [msgspec.json.encode("unreadable") + b":" + msgspec.json.encode(text.decode("utf-8", "replace"))], {}


_LOOKED_AT = {label_of(name): name for name in ATTRIBUTES}
_TEXT, _WHOLE = b',"value":{"stringValue":', b',"value":{"intValue":"'


def _simple(piece: bytes) -> tuple[bytes, bytes] | None:
    """Read a text or a whole number as they are mostly written, without an escape; None for all others."""
    if piece.count(b'"') != 8 or b"\\" in piece:  # name, value, kind and text have two each
        return None
    name, kind, text = piece.partition(_TEXT)
    if kind:
        return name + b":", text
    name, kind, text = piece.partition(_WHOLE)
    digits = text[:-1]
    if kind and digits.isdigit() and digits[:1] != b"0":
        return name + b":", digits
    return None


def _extras(record: LogRecord) -> Sequence[Extra]:
    return (
        (b'"span_id":', id_of_text(record.span_id) if record.span_id else None),
        (b'"otel.event.name":', record.event_name),
        (b'"otel.dropped_attributes_count":', record.dropped_attributes_count),
        (b'"trace_flags":', record.flags),
    )


def _scope_members(scope: Scope | None) -> list[bytes]:
    if scope is None:
        return []
    named = (("otel.scope.name", scope.name), ("otel.scope.version", scope.version))
    members = [b'"%b":%b' % (name.encode(), msgspec.json.encode(value)) for name, value in named if value]
    return members + _attributes(scope.attributes)[0]


def _attributes(pairs: Sequence[KeyValue] | None) -> Attributes:
    members, named = list[bytes](), dict[str, bytes]()
    for pair in pairs or ():
        key, value = pair.key, pair.value
        text = b"null" if value is None else bytes(value.string_value) or _plain(value)
        members.append(label_of(key) + text)
        if key in ATTRIBUTES:
            named[key] = text
    return members, named


def _body(raw: bytes) -> str | bytes | None:
    if not raw or raw == b"null":
        return None
    if raw.startswith(_TEXT_BODY) and raw.endswith(b'"}'):
        try:
            return _string.decode(raw[len(_TEXT_BODY) - 1 : -1])
        except msgspec.DecodeError:
            pass  # there is more in it
    if raw[:1] != b"{":
        return _string.decode(raw) if raw[:1] == b'"' else raw
    try:
        value = _plain(_value.decode(raw))
    except msgspec.DecodeError:
        return raw
    if value[:1] == b'"':
        return _string.decode(value)
    return None if value == b"null" else value


def _plain(value: Value) -> bytes:
    """Return an AnyValue as the JSON that it stands for."""
    if text := bytes(value.string_value):
        return text
    if number := bytes(value.int_value):
        digits = number.strip(b'"')
        return (
            digits
            if digits.removeprefix(b"-").isdigit() and not digits.lstrip(b"-").startswith(b"0")
            else _zero(digits)
        )
    for raw in (value.bool_value, value.double_value, value.bytes_value):
        if raw:
            return bytes(raw)
    return _structure(value)


def _zero(digits: bytes) -> bytes:
    try:
        return str(int(digits)).encode()
    except ValueError:
        return msgspec.json.encode(digits.decode("utf-8", "replace"))


def _structure(value: Value) -> bytes:
    try:
        if value.array_value:
            inner = _list.decode(value.array_value)
            return b"[" + b",".join([_plain(each) if each else b"null" for each in inner.values or ()]) + b"]"
        if value.kvlist_value:
            return b"{" + b",".join(_attributes(_pairs.decode(value.kvlist_value).values)[0]) + b"}"
    except (msgspec.DecodeError, RecursionError):  # null, or nested without end: kept as it is written
        raw = bytes(value.array_value or value.kvlist_value)
        return b"null" if raw == b"null" else msgspec.json.encode(raw.decode("utf-8", "replace"))
    return b"null"
