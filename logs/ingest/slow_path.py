"""The way of unusual batches: entry by entry, with unknown fields, other types, and a word about all that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from django.conf import settings
from msgspec import Raw

from logs.ingest.columns import AcceptedTimes, Batch, Columns
from logs.ingest.decode import Payload, split_entries, too_many
from logs.ingest.levels import STORED, level_of_number, stored_level
from logs.ingest.meta import has_more_fields, problem_of, with_fields
from logs.ingest.record import LEVEL_NAMES, MESSAGE_NAMES, REQUEST_NAMES, TRACE_NAMES, FieldNames, Record
from logs.ingest.timestamps import EPOCH, from_epoch, parse_text, utc_texts
from pulseops.core.web.json_errors import ApiError

T = TypeVar("T")
_Row = tuple[str, str, str, str | None, str | None, str | None]  # of Columns
DETAILS = 20
_NULL = b"null"
_PINOS_DIGITS = 2  # 10, 20 … 60
_LONGEST_NAME = 60  # characters of a field's name in an error

_DOCUMENTED = frozenset(("message", "level", "timestamp", "meta", "trace_id", "request_id"))
# Not "status": what is sent to us by that name is an HTTP status, or a state of something else.
_OTHER_NAMES = FieldNames(
    message=MESSAGE_NAMES[1:],
    time=("@timestamp", "time", "ts"),
    level=tuple(name for name in LEVEL_NAMES if name not in ("level", "status")),
    trace=TRACE_NAMES[1:],
    request=REQUEST_NAMES[1:],
)
_fields = msgspec.json.Decoder(dict[str, Raw])
_string = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(int | float)


def careful_batch(payload: Payload, window: AcceptedTimes, *, is_lenient: bool) -> Batch:
    """Write what is stored of the entries that are right, and say of the others what is wrong.

    Raises ApiError 400 when the body is not JSON, is not a batch of logs, or has too many.
    """
    split = split_entries(payload, is_lenient=is_lenient)
    if len(split.entries) > settings.INGEST_MAX_ENTRIES:
        raise too_many(len(split.entries), is_lenient=is_lenient)
    if split.broken and not is_lenient:
        raise ApiError("BAD_REQUEST", f"The body is not NDJSON: entry {min(split.broken)} is not JSON.")
    batch, rows = Batch(Columns()), list[_Row]()
    for number, entry in enumerate(split.entries):
        reader = _EntryReader(window, explains=len(batch.details) < DETAILS, is_lenient=is_lenient)
        row = reader.row(entry, is_json=number not in split.broken)
        if row is not None and not reader.problems:
            rows.append(row)
            continue
        batch.rejected += 1
        batch.refused.add(reader.reason, bytes(entry))
        for name, message in reader.problems[: DETAILS - len(batch.details)]:
            batch.details.append({"path": f"logs[{number}]{name and '.'}{name}", "message": message})
    if rows:
        batch.columns = Columns(*zip(*rows, strict=True))
    return batch


class _EntryReader:
    """Reads one entry; `problems` are (field, end of a sentence about it), the field empty for the entry as a whole."""

    def __init__(self, window: AcceptedTimes, *, explains: bool, is_lenient: bool) -> None:
        self.window = window
        self.explains = (
            explains  # whether to look for a problem's place, which costs more than to see that there is one
        )
        self.is_lenient = is_lenient
        self.problems: list[tuple[str, str]] = []

    def reject(self, name: str, message: str) -> None:
        self.problems.append((name[:_LONGEST_NAME], message))

    def row(self, entry: Raw, *, is_json: bool) -> _Row | None:
        """Return the entry's row; worth nothing when there are problems."""
        if not is_json or bytes(entry)[:1] != b"{":
            self.reject("", "must be an object" if is_json else "is not JSON")
            return None
        fields = _fields.decode(entry)
        others = _OTHER_NAMES.read({**fields}) if fields.keys() - _DOCUMENTED else Record()
        if bytes(fields.get("message", _NULL)) == _NULL:
            self._borrow_message(fields, others)
        stamp = self._read(fields, "timestamp", self._timestamp) or self._time(others) or self.window.received_at
        level = self._level(fields) or others.level or STORED[None]
        message = self._read(fields, "message", _message, may_be_null=False) or ""
        trace_id, request_id = self._read(fields, "trace_id", _text), self._read(fields, "request_id", _text)
        trace_id = others.trace_id if trace_id is None else trace_id
        request_id = others.request_id if request_id is None else request_id
        meta = self._meta(fields)
        return level, utc_texts([stamp])[0], message, meta, trace_id, request_id

    @property
    def reason(self) -> str:
        """The first problem, without names that the sender has thought of."""
        name, message = self.problems[0]
        return f"{name} {message}" if name in _DOCUMENTED else message

    def _borrow_message(self, fields: dict[str, Raw], others: Record) -> None:
        """Take the message from where other loggers write it."""
        name = next((each for each in MESSAGE_NAMES if each in fields and each not in others.rest), None)
        if name is not None:
            fields["message"] = fields.pop(name)
        elif "message" not in fields:
            self.reject("message", "is required")

    def _level(self, fields: dict[str, Raw]) -> str | None:
        """Take the level. A name that no one here knows is info, and stays in meta; a number is one of pino's scale."""
        value = bytes(fields.get("level", _NULL))
        if value == _NULL:
            fields.pop("level", None)
            return None
        text = _string.decode(value) if value[:1] == b'"' else None
        level = stored_level(text) if text is not None else self._numbered_level(value)
        if level is not None:
            del fields["level"]
        elif text is None and not self.is_lenient:
            del fields["level"]
            self.reject("level", "must be text, or a number of pino's scale")
        return level or STORED[None]

    def _numbered_level(self, value: bytes) -> str | None:
        number = value.decode()
        return level_of_number(number) if self.is_lenient or len(number) == _PINOS_DIGITS else None

    def _time(self, others: Record) -> datetime | None:
        """The time that another logger's field says, if it can be stored; the field stays in meta all the same."""
        if others.micros is None:
            return None
        at = EPOCH + timedelta(microseconds=others.micros)
        return at if self.window.earliest <= at <= self.window.latest else None

    def _read(
        self, fields: dict[str, Raw], name: str, read: Callable[[bytes], T], *, may_be_null: bool = True
    ) -> T | None:
        """Take a field out of `fields`; None when it is absent, null or wrong."""
        value = bytes(fields.pop(name, b""))
        if not value or (may_be_null and value == b"null"):
            return None
        try:
            return read(value)
        except ValueError as error:
            self.reject(name, str(error))
            return None

    def _timestamp(self, value: bytes) -> datetime:
        if value[:1] == b'"':
            at = parse_text(_string.decode(value))
        elif value[:1] in b"-0123456789":
            at = from_epoch(_epoch_number(value))
        else:
            raise ValueError("must be RFC 3339 text or an epoch number")
        if at < self.window.earliest:
            raise ValueError(f"is older than the {self.window.retention_days} days that this service keeps")
        if at > self.window.latest:
            raise ValueError("is more than 24 hours ahead")
        return at

    def _meta(self, fields: dict[str, Raw]) -> str | None:
        """Return `meta` with what is left of the fields, which no one knows."""
        meta = self._read(fields, "meta", _object)
        if not fields:
            return meta.decode() if meta else None
        self._check_unknown(meta, fields)
        return None if self.problems else with_fields(meta, fields).decode()

    def _check_unknown(self, meta: bytes | None, fields: dict[str, Raw]) -> None:
        """Reject the entry if unknown fields cannot be stored beside `meta`; all at once, as they can be many."""
        limit = settings.INGEST_MAX_FIELDS
        together = _together(fields.values())
        if len(fields) > limit or has_more_fields(together + (meta or b""), limit - len(fields)):
            self.reject("", f"has more than {limit} fields")
        elif problem := problem_of(together):
            searched = fields.items() if self.explains else ()
            self.reject(next((name for name, value in searched if problem_of(_together([value]))), ""), problem)


def _together(values: Iterable[Raw]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def _text(value: bytes) -> str:
    if value[:1] != b'"':
        raise ValueError("must be text")
    return _string.decode(value)


def _message(value: bytes) -> str:
    message = _text(value)
    if not message:
        raise ValueError("must not be empty")
    if len(message.encode()) > settings.INGEST_MAX_MESSAGE_BYTES:
        raise ValueError(f"has more than {settings.INGEST_MAX_MESSAGE_BYTES} bytes")
    return message


def _object(value: bytes) -> bytes:
    if value[:1] != b"{":
        raise ValueError("must be an object")
    if problem := problem_of(value):
        raise ValueError(problem)
    return value


def _epoch_number(value: bytes) -> float:
    try:
        return _number.decode(value)
    except (msgspec.DecodeError, ValueError) as error:
        raise ValueError("is not a time that an epoch number can mean") from error
