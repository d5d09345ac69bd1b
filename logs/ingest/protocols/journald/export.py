"""The journal export format, read as it arrives: entries of fields, each of bounded size whatever the journal holds.

A field is `NAME=value` on a line, or NAME on a line, the length of the value in eight bytes, the value, a line's end.
An empty line ends an entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from logs.ingest.json_text import Fields
from logs.ingest.levels import SYSLOG_SCALE
from logs.ingest.record import joined, json_of, level_or_default, lift, meta_of
from logs.ingest.rows import Row

KEPT_BYTES = 512 * 1024  # of a field; what follows is left out. A message is cut again, at INGEST_MAX_MESSAGE_BYTES
ENTRY_BYTES = 1024 * 1024  # of an entry; fields beyond are left out
_MOST_FIELDS = 1_000
_MOST_LINES = 10_000  # of what is not a journal, though its lines look like it
_LONGEST_ENTRY = 2**30  # bytes; journald's own limit for a value is 768 MB
_LONGEST_NAME = 64
_NAME = re.compile(rb"[A-Z0-9_]{1,64}")
_NAMED = re.compile(rb"[A-Z0-9_]{1,64}=")
_MICROS = re.compile(rb"\d{1,16}")
_LENGTH_BYTES = 8
CURSOR = b"__CURSOR"
# The journal's own book-keeping, and what is the same in every entry.
_LEFT_OUT = re.compile(r"__.*|_BOOT_ID|_MACHINE_ID|_CAP_EFFECTIVE|_AUDIT_.*|_SELINUX_CONTEXT|_SOURCE_.*_TIMESTAMP")


class NotAJournalError(ValueError):
    """What arrives is not in the journal export format."""


@dataclass(slots=True)
class Entry:
    """An entry of a journal; `size` counts all of its bytes, those too that were left out."""

    fields: dict[bytes, bytes] = field(default_factory=dict)
    size: int = 0
    kept: int = 0
    lines: int = 0

    @property
    def cursor(self) -> bytes:
        """Where it stands in its journal; empty if it does not say."""
        return self.fields.get(CURSOR, b"")

    def add(self, name: bytes, value: bytes) -> None:
        """Take a field, if there is room for it; of one that comes twice the last counts."""
        if len(self.fields) < _MOST_FIELDS and self.kept + len(value) <= ENTRY_BYTES:
            self.fields[name] = value
            self.kept += len(name) + len(value)


class ExportReader:
    """Makes entries of the bytes of a journal, in whatever pieces they come."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        self._searched = 0  # up to here there is no end of the current line
        self._skipped = 0  # bytes that are still to come of a value that is too long
        self._is_in_long_line = False
        self._entry = Entry()
        self._entries: list[Entry] = []

    def feed(self, data: bytes) -> list[Entry]:
        """Take what has arrived; returns the entries that are whole. Raises NotAJournalError; `take` has those before
        it then."""
        self._data += data
        while self._step():
            pass
        del self._data[: self._at]
        self._searched = max(0, self._searched - self._at)
        self._at = 0
        return self.take()

    def take(self) -> list[Entry]:
        """Return the entries that are whole, once."""
        entries, self._entries = self._entries, []
        return entries

    def finish(self) -> list[Entry]:
        """Return the entry that the end of a journal leaves without its empty line."""
        entry, self._entry = self._entry, Entry()
        return [entry] if entry.fields and not self._data and not self._skipped else []

    def _step(self) -> bool:
        """Read one field, or a part of one; returns whether there was enough for that."""
        if self._skipped:
            return self._skip()
        end = self._data.find(b"\n", max(self._at, self._searched))
        if end < 0:
            return self._read_part_of_line()
        if self._is_in_long_line:
            self._is_in_long_line = False
            self._advance(end + 1)
            return True
        return self._read_line(end)

    def _read_line(self, end: int) -> bool:
        name, equals, value = bytes(self._data[self._at : end]).partition(b"=")
        if not name and not equals:
            return self._end_entry(end + 1)
        if not _NAME.fullmatch(name):
            raise NotAJournalError
        if not equals:
            return self._read_binary(name, end + 1)
        self._entry.add(name, value[:KEPT_BYTES])
        self._advance(end + 1)
        return True

    def _end_entry(self, end: int) -> bool:
        self._advance(end)
        if self._entry.fields:
            self._entries.append(self._entry)
            self._entry = Entry()
        return True

    def _read_binary(self, name: bytes, start: int) -> bool:
        self._searched = start - 1  # where the line's end is found again, if more has to arrive
        begin = start + _LENGTH_BYTES
        if len(self._data) < begin:
            return False
        length = int.from_bytes(self._data[start:begin], "little")
        if length > _LONGEST_ENTRY:
            raise NotAJournalError
        kept = min(length, KEPT_BYTES)
        if len(self._data) < begin + kept:
            return False
        self._entry.add(name, bytes(self._data[begin : begin + kept]))
        self._skipped = length - kept + 1  # the line's end
        self._advance(begin + kept)
        return True

    def _read_part_of_line(self) -> bool:
        """Keep the beginning of a line that is too long, and forget what follows of it."""
        self._searched = len(self._data)
        length = len(self._data) - self._at
        if self._is_in_long_line:
            self._advance(len(self._data))
        elif length > KEPT_BYTES + _LONGEST_NAME:
            name, equals, value = bytes(self._data[self._at :]).partition(b"=")
            if not equals or not _NAME.fullmatch(name):
                raise NotAJournalError
            self._entry.add(name, value[:KEPT_BYTES])
            self._is_in_long_line = True
            self._advance(len(self._data))
        elif length > _LONGEST_NAME and not _NAMED.match(self._data, self._at):
            raise NotAJournalError
        return False

    def _skip(self) -> bool:
        step = min(self._skipped, len(self._data) - self._at)
        self._skipped -= step
        self._advance(self._at + step)
        return not self._skipped

    def _advance(self, to: int) -> None:
        self._entry.size += to - self._at
        self._entry.lines += 1
        if self._entry.size > _LONGEST_ENTRY or self._entry.lines > _MOST_LINES:
            raise NotAJournalError
        self._at = self._searched = to


def row_of_entry(fields: dict[bytes, bytes]) -> Row:
    """Make a row of an entry; one without a message has none in its row either."""
    texts = {str(name, "ascii"): str(value, "utf-8", "replace") for name, value in fields.items()}
    rest: Fields = {name: json_of(text) for name, text in texts.items() if not _LEFT_OUT.fullmatch(name)}
    message = texts.get("MESSAGE", "").rstrip("\r\n\0")
    rest.pop("MESSAGE", None)
    priority = texts.get("PRIORITY", "")
    level = SYSLOG_SCALE[int(priority)] if len(priority) == 1 and priority in "01234567" else None
    if level:
        rest.pop("PRIORITY")
    micros = _micros(fields.get(b"_SOURCE_REALTIME_TIMESTAMP")) or _micros(fields.get(b"__REALTIME_TIMESTAMP"))
    inner = lift(message)
    return (
        micros or inner.micros,
        level_or_default(inner.level, level),  # all that a service prints has its unit's priority
        inner.message or "",
        joined(meta_of(rest), inner.meta()),
        inner.trace_id,
        inner.request_id,
    )


def _micros(value: bytes | None) -> int | None:
    return int(value) if value and _MICROS.fullmatch(value) else None
