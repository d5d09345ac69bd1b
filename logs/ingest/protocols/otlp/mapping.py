"""From an OTLP LogRecord to a row: the same for both encodings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from logs.ingest.json_text import decode_fields
from logs.ingest.levels import DEFAULT, stored_level
from logs.ingest.record import LEVEL_NAMES, REQUEST_NAMES, TRACE_NAMES, lift, meta_of, text_of, trace_of
from logs.ingest.rows import Row

_BANDS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_STORED_BANDS = ("debug", "debug", "info", "warn", "error", "error")
LEVELS: tuple[str | None, ...] = (None, *(level for level in _STORED_BANDS for _ in range(4)))
NAMES = ("", *(f"{band}{step or ''}" for band in _BANDS for step in (0, 2, 3, 4)))  # as the data model calls them
NUMBERS = {f"SEVERITY_NUMBER_{name}": number for number, name in enumerate(NAMES)}
# Names that say no more than the stored level does.
_PLAIN = {"debug": "debug", "info": "info", "information": "info", "warn": "warn", "warning": "warn", "error": "error"}
_BODY_NAMES = ("message", "msg", "log", "event", "text")
_INSTEAD_OF_BODY = ("exception.message", "message")
ATTRIBUTES = frozenset((*LEVEL_NAMES, *TRACE_NAMES, *REQUEST_NAMES, *_INSTEAD_OF_BODY))  # those that are looked at
_ID_BYTES = {16: 32, 8: 16}  # bytes of an id, and its hexadecimal digits
NO_MESSAGE = "-"
LONGEST_ID = 256  # characters of a request's


# Of each severity number what goes into meta because it says more than the level; and what no number says so of.
_SAID: tuple[bytes | None, ...] = tuple(
    b'"severity_text":"%b"' % name.encode() if name and _PLAIN.get(name.lower()) != level else None
    for name, level in zip(NAMES, LEVELS, strict=True)
)
# Of a record: members of a JSON object, and the JSON values of those in ATTRIBUTES, by name. Plain tuples, for one is
# made for every log.
Attributes = tuple[list[bytes], dict[str, bytes]]
Extra = tuple[bytes, object]  # `"name":` and a value


def make_row(
    shared: bytes,
    time: int,
    severity: int,
    severity_text: str,
    body: str | bytes | None,
    members: list[bytes],
    named: Mapping[str, bytes],
    trace_id: str | None,
    event: str | None = None,
    extras: Sequence[Extra] = (),
) -> Row:
    """Make a row; takes `members` for its own.

    `shared` are the members of resource and scope, `time` nanoseconds since 1970 or 0, `body` text, or the JSON text of
    anything else, `named` the values of those attributes that are looked at, `extras` what goes into meta if it is not
    empty. All by position: it runs for every log.
    """
    level = LEVELS[severity] if 0 <= severity < len(LEVELS) else None
    if level is None:
        level, severity = _level_without_number(severity_text, named, body), 0
    said = severity_member(severity, severity_text, level)
    message = body if isinstance(body, str) else ""
    if not message:
        message, more = _message(body, named, event)
        if more:
            members.insert(0, more)
    if said:
        members.append(said)
    for label, value in extras:
        if value:
            members.append(label + msgspec.json.encode(value))
    if shared:
        members.insert(0, shared)
    request_id = None
    if named:
        trace_id, request_id = ids_of_named(trace_id, named)
    meta = b"{%b}" % b",".join(members) if members else b""
    return time // 1_000 if time else None, level, message, meta, trace_id, request_id


def ids_of_named(trace_id: str | None, named: Mapping[str, bytes]) -> tuple[str | None, str | None]:
    """Return the ids of trace and request of a record whose own trace is `trace_id`, by what its attributes say."""
    return trace_id or _first(named, TRACE_NAMES, trace=True), _first(named, REQUEST_NAMES)


def severity_member(number: int, text: str, level: str) -> bytes | None:
    """Return what goes into meta of a severity that says more than the stored level; None of any other."""
    if not text:
        return _SAID[number]
    return b'"severity_text":' + msgspec.json.encode(text) if _PLAIN.get(text.lower()) != level else None


def id_of_bytes(raw: bytes) -> str | None:
    """Return the hexadecimal digits of an id; None for one that is all zero or of no length that ids have.

    An id of 32 bytes that are digits was hexadecimal already when someone took it for bytes.
    """
    if not raw or not raw.strip(b"\0"):
        return None
    if len(raw) in _ID_BYTES:
        return raw.hex()
    if len(raw) in _ID_BYTES.values() and _is_hex(raw):
        return trace_of(raw.decode().lower())
    return None


def id_of_text(text: str) -> str | None:
    """Return the hexadecimal digits of an id that came as text: hexadecimal, or base64 as some write it."""
    if len(text) in _ID_BYTES.values() and _is_hex(text.encode("ascii", "replace")):
        return trace_of(text.lower())
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Hexadecimal digits that a gateway took for base64 come back as what base64 makes of them.
    again = base64.b64encode(raw)
    return id_of_bytes(raw) or (trace_of(again.decode().lower()) if _is_hex(again) and len(again) in (16, 32) else None)


def _is_hex(text: bytes) -> bool:
    return not text.strip(b"0123456789abcdefABCDEF")


def _level_without_number(text: str, named: Mapping[str, bytes], body: str | bytes | None) -> str:
    if level := stored_level(text) if text else None:
        return level
    for name in LEVEL_NAMES:
        if name in named and (level := stored_level(text_of(Raw(named[name])))):
            return level
    line = body if isinstance(body, str) else (body or b"").decode("utf-8", "replace")
    return (lift(line).level if line[:1] == "{" else None) or DEFAULT


def _message(body: str | bytes | None, named: Mapping[str, bytes], event: object) -> tuple[str, bytes]:
    """Return the message of a record whose body is not text, and what else of the body goes into meta."""
    if isinstance(body, bytes) and body[:1] == b"{" and (fields := decode_fields(body)):
        for name in _BODY_NAMES:
            if bytes(fields.get(name, Raw(b"")))[:1] == b'"' and (message := text_of(fields[name])):
                del fields[name]
                return message, meta_of(fields)[1:-1]
    if isinstance(body, bytes) and body not in (b"{}", b"[]"):
        return body.decode("utf-8", "replace"), b""
    if isinstance(event, str) and event:
        return event, b""
    return next((text_of(Raw(named[name])) for name in _INSTEAD_OF_BODY if name in named), "") or NO_MESSAGE, b""


def _first(named: Mapping[str, bytes], names: Sequence[str], *, trace: bool = False) -> str | None:
    for name in names:
        if name in named and (text := text_of(Raw(named[name])).strip()):
            return trace_of(text) if trace else text[:LONGEST_ID]
    return None
