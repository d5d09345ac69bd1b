"""Everything a search finds as NDJSON or CSV: page by page, each a short statement, so memory stays bounded."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings

from logs.cursor import LogCursor
from logs.search.conditions import Condition
from logs.search.page import Search
from logs.search.plans import RowRange, all_of
from logs.search.sealed.pages import Record, newest_records
from logs.search.sealed.reader import LISTED, BlockReader, retried
from logs.search.slices import Window
from logs.storage.blocks.table import Head
from pulseops.core.budget import TimeBudget
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_together
from pulseops.core.ui.csv_cells import guarded
from services.scopes import Scope

FORMATS = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
COLUMNS = (
    "id", "timestamp", "received_at", "level", "service", "environment", "message", "trace_id", "request_id", "meta",
)  # fmt: skip
_FIRST_ROWS, _MOST_ROWS = 20, 4_000  # of a page
_BLOCKS_KEPT = 24  # that one page leaves to the next: each gives logs to several
_PAGE_BYTES = 2 * 1024 * 1024  # of text that a page is meant to have: logs may be large
_STATEMENT_SECONDS = 2.0
_QUICK_SECONDS = 0.3  # after which a slice of time is wide enough
_encode = msgspec.json.Encoder().encode
_NARROWEST, _FIRST_SLICE = timedelta(milliseconds=1), timedelta(minutes=10)


def export(search: Search, window: Window, *, form: str) -> Iterator[bytes]:
    """Return the chunks of the file, newest log first, at most LOG_EXPORT_ROWS of them; `form` is a key of FORMATS.

    The first page is read before the first chunk is asked for. Raises BoundedQueryError, then and later.
    """
    chunks = _chunks(search, window, _ndjson if form == "ndjson" else _csv)
    next(chunks)
    return chunks


def _chunks(search: Search, window: Window, write: Callable[[Iterable[Record]], bytes]) -> Iterator[bytes]:
    scopes = search.scopes.by_environment()
    pages = _pages(search, window)
    rows = next(pages, ())
    yield b""  # whatever can be refused has been; what the caller writes now does not depend on the end of the file
    if write is _csv:
        yield _csv([COLUMNS])
    while rows:
        yield write(_record(row, scopes.get(row[4])) for row in rows)
        rows = next(pages, ())


def _pages(search: Search, window: Window) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows page by page, none of them empty; a slice of time is as wide as it can be read quickly."""
    parts = search.parts(walked=False)
    left, size, width = settings.LOG_EXPORT_ROWS, _FIRST_ROWS, _FIRST_SLICE
    reader = BlockReader(search.org_id, _STATEMENT_SECONDS, kept=_BLOCKS_KEPT)
    end, before = window.end, None
    while parts and left > 0 and end > window.start:
        start = max(end - width, window.start)
        limit, clock = min(size, left), TimeBudget(_QUICK_SECONDS)
        try:
            rows = _page(search, reader, RowRange(search.org_id, start, end, before), parts, limit)
        except QueryTimeoutError:
            if width <= _NARROWEST:
                raise
            width = max(width / 8, _NARROWEST)
            continue
        if len(rows) == limit:
            before = LogCursor(rows[-1][1], rows[-1][0])
            end = min(end, before.ts + timedelta(microseconds=1))
        else:
            end, width = start, width if clock.is_over else width * 4
        if rows:
            left -= len(rows)
            size = _next_size(rows)
            yield rows


def _page(
    search: Search, reader: BlockReader, span: RowRange, parts: Sequence[Condition], limit: int
) -> Sequence[Record]:
    """Return the newest rows of `span`, and of what is sealed of it."""
    reader.extend(_STATEMENT_SECONDS)
    sql, params = all_of(span, parts)
    listing = search.blocks.range(span.start, span.end).heads(limit=LISTED)

    def read() -> Sequence[Record]:
        rows, heads = fetch_together(_STATEMENT_SECONDS, [(sql, [*params, limit]), listing])
        return newest_records(reader, search.blocks, span, [Head(*head) for head in heads], rows, limit)

    return retried(read)


def _next_size(rows: Sequence[Sequence[Any]]) -> int:
    """Return how many rows such as these make a page."""
    size = sum(len(row[5]) + len(row[8] or "") for row in rows) / len(rows)
    return max(1, min(int(_PAGE_BYTES / max(size, 1)), _MOST_ROWS, len(rows) * 8))


def _record(row: Sequence[Any], scope: Scope | None) -> Record:
    log_id, ts, received_at, level, _, message, trace_id, request_id, meta = row
    names = (scope.service, scope.environment) if scope else ("", "")
    return (log_id, ts.isoformat(), received_at.isoformat(), level, *names, message, trace_id, request_id, meta)


def _ndjson(records: Iterable[Record]) -> bytes:
    lines = []
    for *values, meta in records:
        line = dict(zip(COLUMNS, values, strict=False))
        line["meta"] = msgspec.Raw(meta.encode()) if meta else None
        lines.append(_encode(line))
    return b"\n".join([*lines, b""])


class _Line:
    """A file that csv writes one line into."""

    def write(self, text: str) -> str:
        return text


def _csv(records: Iterable[Record]) -> bytes:
    writer = csv.writer(_Line())
    return "".join(writer.writerow([guarded(value) for value in record]) for record in records).encode()
