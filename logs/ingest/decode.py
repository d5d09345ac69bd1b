"""From bytes to entries: JSON `{"logs": […]}`, a bare array, or NDJSON."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from django.conf import settings
from msgspec import Raw

from logs.ingest.body import EITHER, NDJSON
from logs.ingest.broken_json import entries_around_errors
from logs.ingest.copy_format import replace_unstorable
from logs.ingest.timestamps import AwareDatetime
from pulseops.core.web.json_errors import ApiError

T = TypeVar("T")
ABSENT = Raw(b"")
_LINES_TRIED = 20


class Entry(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An entry as most senders write it: the documented fields, and no others. `meta` stays JSON text."""

    message: str
    level: str | None = None
    timestamp: AwareDatetime | int | float | None = None
    meta: Raw = ABSENT
    trace_id: str | None = None
    request_id: str | None = None


class _Envelope(msgspec.Struct):
    logs: list[Entry]


class _RawEnvelope(msgspec.Struct):
    logs: Raw = ABSENT
    message: Raw = ABSENT
    msg: Raw = ABSENT


@dataclass(frozen=True, slots=True)
class Payload:
    """A body that may be JSON: valid UTF-8, without what PostgreSQL cannot store.

    `is_plain` says that no string in it holds anything that COPY would have to escape.
    """

    content: bytes
    is_ndjson: bool
    is_plain: bool

    def __len__(self) -> int:
        return len(self.content)


@dataclass(slots=True)
class RawEntries:
    """Each entry of a body as JSON text; `broken` are the numbers of those that are not."""

    entries: list[Raw]
    broken: set[int] = field(default_factory=set)


_json_entry = msgspec.json.Decoder(Entry)
_json_entries = msgspec.json.Decoder(list[Entry])
_json_envelope = msgspec.json.Decoder(_Envelope)
_raw = msgspec.json.Decoder(Raw)
_raw_entries = msgspec.json.Decoder(list[Raw])
_raw_envelope = msgspec.json.Decoder(_RawEnvelope)


def make_payload(body: bytes, kind: str, *, is_lenient: bool = False) -> Payload:
    """Prepare a body of JSON, NDJSON or EITHER. Raises ApiError 400 when it is not UTF-8; for a lenient sender what is
    not becomes U+FFFD."""
    body = body.removeprefix(codecs.BOM_UTF8)
    if not body.isascii():
        try:
            codecs.utf_8_decode(body, "strict", True)
        except UnicodeDecodeError as error:
            if not is_lenient:
                raise ApiError("BAD_REQUEST", f"The body is not UTF-8 (byte {error.start}).") from error
            body = body.decode("utf-8", "replace").encode()
    has_escapes = b"\\" in body
    if has_escapes:
        body = replace_unstorable(body)
    is_ndjson = kind == NDJSON or (kind == EITHER and _has_lines(body))
    breaks = b"\t" in body or b"\r" in body or (not is_ndjson and b"\n" in body)
    return Payload(body, is_ndjson, is_plain=not has_escapes and not breaks)


def decode_entries(payload: Payload) -> list[Entry] | None:
    """Decode a body whose entries have the documented fields and types alone; None for any other, JSON or not."""
    content = payload.content
    try:
        if payload.is_ndjson:
            # Not decode_lines, which takes several values on a line and a value on several lines.
            lines = lines_of(content)
            return [_json_entry.decode(line) for line in lines] if len(lines) <= settings.INGEST_MAX_ENTRIES else None
        if content.lstrip()[:1] == b"[":
            return _json_entries.decode(content)
        return _json_envelope.decode(content).logs
    except (msgspec.DecodeError, RecursionError):
        return None


def split_entries(payload: Payload, *, is_lenient: bool = False) -> RawEntries:
    """Split any body into the JSON texts of its entries; for a lenient sender around those that are not JSON.

    Raises ApiError 400: BAD_REQUEST when it is not JSON, VALIDATION_ERROR when it is, but not of entries.
    """
    if payload.is_ndjson:
        return _checked(lines_of(payload.content), is_lenient=is_lenient)
    try:
        content = bytes(_decode(_raw, payload.content)).strip()
    except ApiError:
        entries = entries_around_errors(payload.content) if is_lenient else None
        if entries is None:
            raise
        return _checked(entries, is_lenient=True)
    if content[:1] == b"{":
        envelope = _decode(_raw_envelope, content)
        if not envelope.logs and (envelope.message or envelope.msg):
            return RawEntries([Raw(content)])  # an entry by itself
        content = bytes(envelope.logs)
        if not content:
            raise invalid("logs", "is required")
    if content[:1] != b"[":
        raise invalid("logs", "must be an array of logs")
    return RawEntries(_decode(_raw_entries, content))


def invalid(path: str, message: str) -> ApiError:
    """Make the 400 for a body that is JSON, but not a batch of logs."""
    return ApiError("VALIDATION_ERROR", f"{path} {message}.", details=[{"path": path, "message": message}])


def too_many(entries: int, *, is_lenient: bool = False) -> ApiError:
    """Make the 400 for a batch of more entries than are allowed; for a lenient sender, who is refused nothing else by a
    400 that is JSON, it is a 413."""
    if is_lenient:
        return ApiError("PAYLOAD_TOO_LARGE", f"A batch may have {settings.INGEST_MAX_ENTRIES} entries, not {entries}.")
    return invalid("logs", f"has {entries} entries; {settings.INGEST_MAX_ENTRIES} are allowed")


def lines_of(content: bytes) -> list[bytes]:
    """Return the lines of NDJSON that are not blank."""
    return [*filter(bytes.strip, content.split(b"\n"))]


def _has_lines(body: bytes) -> bool:
    """Whether a body of no type is NDJSON: not JSON as a whole, but one of its first lines is an object."""
    if b"\n" not in body.strip():
        return False
    try:
        _raw.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return any(map(_is_object, body.split(b"\n", _LINES_TRIED)[:_LINES_TRIED]))
    return False


def _is_object(line: bytes) -> bool:
    try:
        return bytes(_raw.decode(line)).strip()[:1] == b"{"
    except (msgspec.DecodeError, RecursionError):
        return False


def _checked(texts: Sequence[bytes], *, is_lenient: bool) -> RawEntries:
    """Tell texts that are JSON from those that are not."""
    if len(texts) > settings.INGEST_MAX_ENTRIES:
        raise too_many(len(texts), is_lenient=is_lenient)
    result = RawEntries([])
    for text in texts:
        try:
            result.entries.append(_decode(_raw, text))
        except ApiError:
            result.broken.add(len(result.entries))
            result.entries.append(Raw(text.strip()))
    return result


def _decode(decoder: msgspec.json.Decoder[T], content: bytes) -> T:
    try:
        return decoder.decode(content)
    except msgspec.DecodeError as error:
        raise ApiError("BAD_REQUEST", f"The body is not JSON: {_reason(error)}.") from error
    except RecursionError as error:
        raise ApiError("BAD_REQUEST", "The body is nested too deeply.") from error


def _reason(error: msgspec.DecodeError) -> str:
    return str(error).removeprefix("JSON is malformed: ")
