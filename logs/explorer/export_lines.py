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
from logs.storage.blocks.arrays import Bytes, Ints, np
from logs.storage.blocks.codec import LEVELS, Block
from logs.storage.blocks.table import moment_of
from logs.storage.blocks.texts import END, decoded
from pulseops.core.ui.csv_cells import guarded

COLUMNS = (
    "id", "timestamp", "received_at", "level", "service", "environment", "message", "trace_id", "request_id", "meta",
)  # fmt: skip
Names = tuple[str, str]  # of the service and the environment
_DAY, _SECOND = 86_400_000_000, 1_000_000  # µs
_UTC = b"+00:00"
_OFTEN_ESCAPED = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))
_CONTROL = re.compile(rb"[\x01-\x1f]")
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
    metas = block.documents.texts()
    decoded([b"\n".join(metas)])
    columns = zip(
        repeat(b'{"id":'), map(b"%d".__mod__, block.ids.tolist()),
        repeat(b',"timestamp":"'), isoformats(block.ts), repeat(b'","received_at":"'), isoformats(block.received),
        map(middles.__getitem__, block.levels.tolist()), _escaped(block.checked_text()).split(END),
        repeat(b'","trace_id":'), _quoted(block.traces), repeat(b',"request_id":'), _quoted(block.requests),
        repeat(b',"meta":'), [meta or b"null" for meta in metas], repeat(b"}\n"),
    )  # fmt: skip
    return list(map(b"".join, columns))


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
    days, within = np.divmod(times, _DAY)
    seconds, micros = np.divmod(within, _SECOND)
    known, number = np.unique(days, return_inverse=True)
    dates = b"".join(moment_of(day * _DAY).date().isoformat().encode() for day in known.tolist())
    text = np.empty((len(times), 32), np.uint8)
    text[:] = np.frombuffer(b"YYYY-MM-DDThh:mm:ss.ffffff" + _UTC, np.uint8)
    text[:, :10] = np.frombuffer(dates, np.uint8).reshape(-1, 10)[number]
    _write_digits(text[:, 11:13], seconds // 3_600)
    _write_digits(text[:, 14:16], seconds // 60 % 60)
    _write_digits(text[:, 17:19], seconds % 60)
    _write_digits(text[:, 20:26], micros)
    raw = text.tobytes()
    whole = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    for place in np.flatnonzero(micros == 0).tolist():
        whole[place] = whole[place][:19] + _UTC
    return whole


def _write_digits(text: Bytes, numbers: Ints) -> None:
    for place in reversed(range(text.shape[1])):
        numbers, digit = np.divmod(numbers, 10)
        text[:, place] = digit + ord("0")


def _quoted(ids: Sequence[str | None]) -> list[bytes]:
    """Return ids as JSON writes them."""
    texts = _escaped("\0".join([each or "" for each in ids]).encode()).split(END)
    quoted = [b'"%b"' % text for text in texts]
    if None in ids:
        return [text if each is not None else b"null" for text, each in zip(quoted, ids, strict=True)]
    return quoted


def _escaped(text: bytes) -> bytes:
    """Return a text as it stands between the quotes of JSON; NUL stays, which no stored text has."""
    for char, escaped in _OFTEN_ESCAPED:
        text = text.replace(char, escaped)
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
