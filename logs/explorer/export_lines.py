"""Logs as lines of an export: one by one, and all of a block by its columns, which takes a fraction of the time."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import msgspec

from logs.search.sealed.rows import Record
from logs.storage.blocks.arrays import Bytes, Ints, Mask, np, places_of
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.table import moment_of
from logs.storage.blocks.texts import END, decoded
from pulseops.core.ui.csv_cells import guarded

COLUMNS = (
    "id", "timestamp", "received_at", "level", "service", "environment", "message", "trace_id", "request_id", "meta",
)  # fmt: skip
Names = tuple[str, str]  # of the service and the environment
_DAY, _SECOND = 86_400_000_000, 1_000_000  # µs
_UTC, _RECEIVED = b"+00:00", b'","received_at":"'
_LENGTH = 32  # of a time
_OFTEN_ESCAPED = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))
_CONTROL = re.compile(rb"[\x01-\x1f]")
_CONTROLS = bytes(range(1, 32))
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class LineFormat:
    """A format of the export: what the file begins with, a log as a line, and all logs of a block as lines."""

    head: bytes
    line: Callable[[Record, Names], bytes]
    lines: Callable[[Block, Names], Sequence[bytes]]  # raises DamagedBlockError


def ndjson_line(record: Record, names: Names) -> bytes:
    """Return a log, given the columns of `plans.all_of`, as a line of NDJSON."""
    *values, meta = _cells(record, names)
    line = dict(zip(COLUMNS, values, strict=False))
    line["meta"] = msgspec.Raw(meta.encode()) if meta else None
    return _encode(line) + b"\n"


def csv_line(record: Record, names: Names) -> bytes:
    """Return the same as a line of CSV."""
    [line] = _csv([map(guarded, _cells(record, names))])
    return line


def _cells(record: Record, names: Names) -> tuple[Any, ...]:
    log_id, ts, received_at, level, _, message, trace_id, request_id, meta = record
    return (log_id, ts.isoformat(), received_at.isoformat(), level, *names, message, trace_id, request_id, meta)


def ndjson_lines(block: Block, names: Names) -> list[bytes]:
    """Return each log of a block as a line of NDJSON; raises DamagedBlockError."""
    service, environment = map(_encode, names)
    middles = [
        b'","level":"%b","service":%b,"environment":%b,"message":"' % (level.encode(), service, environment)
        for level in LEVELS
    ]
    columns = (
        map(b'{"id":%d,"timestamp":"'.__mod__, block.ids.tolist()), _both_times(block.ts, block.received),
        map(middles.__getitem__, block.levels.tolist()), _escaped(block.checked_text()).split(END),
        _named_ids(b'","trace_id":', block.traces), _named_ids(b',"request_id":', block.requests),
        _named_documents(block.documents.texts()),
    )  # fmt: skip
    return list(map(b"".join, zip(*columns, strict=True)))


def csv_lines(block: Block, names: Names) -> list[bytes]:
    """Return each log of a block as a line of CSV; raises DamagedBlockError."""
    times = [map(bytes.decode, isoformats(column)) for column in (block.ts, block.received)]
    messages, metas, traces, requests = zip(*block.logs, strict=True)
    levels, texts = map(LEVELS.__getitem__, block.levels.tolist()), (messages, traces, requests, metas)
    places = map(repeat, map(guarded, names))
    columns = (block.ids.tolist(), *times, levels, *places, *(map(guarded, column) for column in texts))
    return _csv(zip(*columns, strict=False))


def isoformats(times: Ints) -> list[bytes]:
    """Return times, in µs since 1970, as `datetime.isoformat` writes them in UTC."""
    letters, is_whole = _letters_of(times)
    texts = _rows_of(letters)
    for place in np.flatnonzero(is_whole).tolist():
        texts[place] = _without_fraction(texts[place])
    return texts


def _both_times(times: Ints, received: Ints) -> list[bytes]:
    """Return two times of each log with what stands between them."""
    (first, is_first_whole), (second, is_second_whole) = _letters_of(times), _letters_of(received)
    between = np.broadcast_to(np.frombuffer(_RECEIVED, np.uint8), (len(times), len(_RECEIVED)))
    texts = _rows_of(np.concatenate([first, between, second], axis=1))
    for place in np.flatnonzero(is_first_whole | is_second_whole).tolist():
        text = texts[place]
        one = _without_fraction(text[:_LENGTH]) if is_first_whole[place] else text[:_LENGTH]
        other = _without_fraction(text[-_LENGTH:]) if is_second_whole[place] else text[-_LENGTH:]
        texts[place] = one + _RECEIVED + other
    return texts


def _letters_of(times: Ints) -> tuple[Bytes, Mask]:
    """Return times letter by letter, and which of them have no fraction of a second, so that theirs is not written."""
    days = times // _DAY
    within = times - days * _DAY
    seconds = (within // _SECOND).astype(np.int32)
    micros = (within - seconds * np.int64(_SECOND)).astype(np.int32)
    known, number = places_of(days)
    dates = b"".join(moment_of(day * _DAY).date().isoformat().encode() for day in known.tolist())
    letters = np.empty((len(times), _LENGTH), np.uint8)
    letters[:] = np.frombuffer(b"YYYY-MM-DDThh:mm:ss.ffffff" + _UTC, np.uint8)
    letters[:, :10] = np.frombuffer(dates, np.uint8).reshape(-1, 10)[number]
    _write_digits(letters[:, 11:13], seconds // 3_600)
    _write_digits(letters[:, 14:16], seconds // 60 % 60)
    _write_digits(letters[:, 17:19], seconds % 60)
    _write_digits(letters[:, 20:26], micros)
    return letters, micros == 0


def _write_digits(letters: Bytes, numbers: Any) -> None:
    for place in reversed(range(letters.shape[1])):
        tenth = numbers // 10
        letters[:, place] = numbers - tenth * 10 + ord("0")
        numbers = tenth


def _rows_of(letters: Bytes) -> list[bytes]:
    rows: list[bytes] = letters.view(f"S{letters.shape[1]}").ravel().tolist()
    return rows


def _without_fraction(time: bytes) -> bytes:
    return time[:19] + _UTC


def _named_ids(name: bytes, ids: Sequence[str | None]) -> list[bytes]:
    """Return ids as JSON writes them, each behind `name`."""
    text = _escaped("\0".join([each or "" for each in ids]).encode())
    named = _each(text, name + b'"', b'"')
    if None in ids:
        return [text if each is not None else name + b"null" for text, each in zip(named, ids, strict=True)]
    return named


def _named_documents(documents: Sequence[bytes]) -> list[bytes]:
    """Return the JSON as it is stored, with its name and the end of a line; raises DamagedBlockError."""
    text = END.join(document or b"null" for document in documents)
    decoded([text])
    return _each(text, b',"meta":', b"}\n")


def _each(texts: bytes, before: bytes, after: bytes) -> list[bytes]:
    """Return each of joined texts between two others."""
    return (before + texts.replace(END, after + END + before) + after).split(END)


def _escaped(text: bytes) -> bytes:
    """Return a text as it stands between the quotes of JSON; NUL stays, which no stored text has."""
    for char, escaped in _OFTEN_ESCAPED:
        if char in text:
            text = text.replace(char, escaped)
    if len(text.translate(None, _CONTROLS)) == len(text):
        return text
    return _CONTROL.sub(lambda match: _encode(match[0].decode())[1:-1], text)


class _Line:
    """A file that csv writes one line into."""

    def write(self, text: str) -> str:
        return text


def _csv(rows: Iterable[Iterable[Any]]) -> list[bytes]:
    write = csv.writer(_Line()).writerow
    return [write(row).encode() for row in rows]


FORMATS = {
    "ndjson": LineFormat(b"", ndjson_line, ndjson_lines),
    "csv": LineFormat(b"".join(_csv([COLUMNS])), csv_line, csv_lines),
}
