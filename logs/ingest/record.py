"""Other people's field names: which field of a record is its message, its time, its level, its ids.

A record is a JSON object that some logger, shipper or platform wrote. The values stay JSON text until one is needed, so
what becomes `meta` is what was sent. A dotted name is found as it stands and in nested objects alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from logs.ingest.json_text import Fields, decode_fields
from logs.ingest.levels import DEFAULT, level_of_number, stored_level
from logs.ingest.rows import Row
from logs.ingest.timestamps import micros_of_number, micros_of_text

MESSAGE_NAMES = ("message", "msg", "log", "MESSAGE", "event", "text", "short_message", "line", "body", "body.text",
                 "event.original", "error.message")  # fmt: skip
TIME_NAMES = ("@timestamp", "timestamp", "time", "_time", "ts", "date", "event.created")
LEVEL_NAMES = ("level", "log.level", "severity", "levelname", "lvl", "loglevel", "log_level", "severity_text",
               "SeverityText", "detected_level", "fields.level", "PRIORITY", "syslog.severity.code",
               "status")  # fmt: skip
TRACE_NAMES = ("trace_id", "traceId", "traceID", "trace.id", "TraceId", "dd.trace_id", "otelTraceID")
REQUEST_NAMES = ("request_id", "requestId", "req_id", "request.id", "http.request.id", "x_request_id", "correlation_id",
                 "correlationId", "req.id")  # fmt: skip
_MESSAGE, _TIME, _LEVEL, _TRACE, _REQUEST = range(5)
_LONGEST_LABEL, _MOST_LABELS = 200, 4_096
_LONGEST_ID = 256  # characters
_UNREAD = "timestamp_unread"
_TEXT_ONLY = {"status"}  # which is a number where it is not a level
_NO_TIME = (b"null", b"0", b'""', b"0.0")
_string = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(int | float)
_Hit = tuple[int, int, str, Raw, bool]  # role, rank, name, value, whether it stands at the top


@dataclass(slots=True)
class Record:
    """What a record says; `micros` since 1970. `rest` is what no other field took. What it does not say is None."""

    message: str | None = None
    micros: int | None = None
    level: str | None = None
    trace_id: str | None = None
    request_id: str | None = None
    rest: Fields = field(default_factory=dict)

    def meta(self) -> bytes:
        """The JSON text of the rest; nothing if there is none."""
        return meta_of(self.rest)


class FieldNames:
    """The names that a protocol looks for, in order of preference, compiled for looking up a record's own names."""

    def __init__(
        self,
        *,
        message: Sequence[str] = MESSAGE_NAMES,
        time: Sequence[str] = TIME_NAMES,
        level: Sequence[str] = LEVEL_NAMES,
        trace: Sequence[str] = TRACE_NAMES,
        request: Sequence[str] = REQUEST_NAMES,
    ) -> None:
        self._roles: dict[str, tuple[int, int]] = {}
        self._inner: dict[str, list[tuple[list[str], int, int]]] = {}
        for role, names in enumerate((message, time, level, trace, request)):
            for rank, name in enumerate(names):
                self._roles.setdefault(name, (role, rank))
                head, *path = name.split(".")
                if path:
                    self._inner.setdefault(head, []).append((path, role, rank))

    def read(self, fields: Fields) -> Record:
        """Read a record; takes from `fields` what it uses."""
        record = Record(rest=fields)
        for role, _, name, value, is_top in sorted(self._hits(fields), key=_by_rank):
            if _READERS[role](record, value) and is_top:
                del fields[name]
        if record.micros is None:
            self._keep_unread_time(fields)
        return record

    def _hits(self, fields: Fields) -> Iterator[_Hit]:
        for name, value in fields.items():
            if (hit := self._roles.get(name)) and (name not in _TEXT_ONLY or bytes(value)[:1] == b'"'):
                yield *hit, name, value, True
            if name in self._inner and bytes(value)[:1] == b"{":
                yield from self._inner_hits(name, value)

    def _inner_hits(self, name: str, value: Raw) -> Iterator[_Hit]:
        for path, role, rank in self._inner[name]:
            inner: Raw | None = value
            for step in path:
                inner = (decode_fields(bytes(inner)) or {}).get(step) if inner is not None else None
            if inner is not None:
                yield role, rank, name, inner, False

    def _keep_unread_time(self, fields: Fields) -> None:
        for name in list(fields):
            role, _ = self._roles.get(name, (None, 0))
            if role == _TIME:
                value = fields.pop(name)
                if bytes(value) not in _NO_TIME:
                    fields.setdefault(_UNREAD, value)


LIFTED = FieldNames()


def lift(line: str) -> Record:
    """Read a line of text: one that is a JSON object becomes a record, any other is the message."""
    if line[:1] == "{" and line.rstrip()[-1:] == "}":
        fields = decode_fields(line.encode("utf-8", "replace"))
        if fields is not None:
            record = LIFTED.read(fields)
            record.message = record.message or line
            return record
    return Record(message=line)


def row_of(record: Record, whole: str, *, level: str | None = None) -> Row:
    """Make a row of a record whose text is `whole`, which is the message where there is no other; a message that is a
    JSON object by itself is lifted. `level` is what something beside the record says."""
    if not record.message:
        return (record.micros, level_or_default(record.level, level), whole, b"", record.trace_id, record.request_id)
    inner = lift(record.message)
    return (
        record.micros if record.micros is not None else inner.micros,
        level_or_default(record.level, level, inner.level),
        inner.message or "",
        joined(record.meta(), inner.meta()),
        record.trace_id or inner.trace_id,
        record.request_id or inner.request_id,
    )


def meta_of(fields: Fields) -> bytes:
    """Return the JSON text of an object; nothing for one without members."""
    if not fields:
        return b""
    return b"{" + b",".join([_labels[name] + bytes(value) for name, value in fields.items()]) + b"}"


def joined(*metas: bytes) -> bytes:
    """Put objects together; of a name that comes twice the database keeps the last."""
    members = b",".join([meta[1:-1] for meta in metas if meta])
    return b"{" + members + b"}" if members else b""


def json_of(value: object) -> Raw:
    """Return JSON text as a value of a record."""
    return Raw(msgspec.json.encode(value))


def text_of(value: Raw) -> str:
    """Return a JSON value as text: that of a string, else the JSON itself."""
    text = bytes(value)
    return _string.decode(text) if text[:1] == b'"' else text.decode("utf-8", "replace")


def trace_of(text: str) -> str | None:
    """Return a trace id as it is stored, None for one that says there is none."""
    text = text.strip()
    if not text.strip("0-") or len(text) > _LONGEST_ID:
        return None
    return text.lower() if len(text) == 32 and _is_hex(text) else text


class _Labels(dict[str, bytes]):
    """Names repeat, so what they become is remembered: of so many names, none of which is long."""

    def __missing__(self, name: str) -> bytes:
        label = msgspec.json.encode(name or "_") + b":"
        if len(name) <= _LONGEST_LABEL:
            if len(self) >= _MOST_LABELS:
                self.clear()
            self[name] = label
        return label


_labels = _Labels()


def label_of(name: str) -> bytes:
    """Return a name as it stands before its value in a JSON object, the colon included."""
    return _labels[name]


def _by_rank(hit: _Hit) -> tuple[int, int]:
    return hit[0], hit[1]


def _is_hex(text: str) -> bool:
    return not text.strip("0123456789abcdefABCDEF")


def _read_message(record: Record, value: Raw) -> bool:
    if record.message or bytes(value)[:1] != b'"':
        return False
    record.message = _string.decode(value).rstrip("\r\n\0")
    return bool(record.message)


def _read_time(record: Record, value: Raw) -> bool:
    if record.micros is not None:
        return False
    record.micros = micros_of(value)
    return record.micros is not None


def micros_of(value: Raw) -> int | None:
    """Read a JSON value as a time; None for one that is absent, zero or not to be read."""
    text = bytes(value)
    if text in _NO_TIME:
        return None
    try:
        micros = micros_of_text(_string.decode(text)) if text[:1] == b'"' else micros_of_number(_number.decode(text))
        return micros or None
    except (ValueError, msgspec.DecodeError):
        return None


def _read_level(record: Record, value: Raw) -> bool:
    """Take a level; of one that says more than the four, or nothing that is known, the original stays."""
    if record.level is not None:
        return False
    text = text_of(value).strip()
    level = stored_level(text) or level_of_number(text)
    if level is None:
        return False
    record.level = level
    return text.lower() == level or text.isdigit()


def _read_trace(record: Record, value: Raw) -> bool:
    if record.trace_id is not None or bytes(value)[:1] in b"{[nft":
        return False
    record.trace_id = trace_of(text_of(value))
    return record.trace_id is not None or not text_of(value).strip("0- ")


def _read_request(record: Record, value: Raw) -> bool:
    if record.request_id is not None or bytes(value)[:1] in b"{[nft":
        return False
    text = text_of(value).strip()
    record.request_id = text if 0 < len(text) <= _LONGEST_ID else None
    return record.request_id is not None


_READERS = {
    _MESSAGE: _read_message,
    _TIME: _read_time,
    _LEVEL: _read_level,
    _TRACE: _read_trace,
    _REQUEST: _read_request,
}


def level_or_default(*levels: str | None) -> str:
    """Return the first level that something says, else info."""
    return next((level for level in levels if level), DEFAULT)
