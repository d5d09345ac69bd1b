"""Everything a search finds as NDJSON or CSV, streamed: a server-side cursor feeds it, so memory stays bounded."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from logs.search.page import Search
from logs.search.plans import RowRange, all_of
from logs.search.slices import Window
from pulseops.core.db.advisory_locks import lock_number
from pulseops.core.db.answer_timeout import answers_may_take
from pulseops.core.ui.csv_cells import guarded
from services.scopes import Scope

FORMATS = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
COLUMNS = (
    "id", "timestamp", "received_at", "level", "service", "environment", "message", "trace_id", "request_id", "meta",
)  # fmt: skip
_AT_ONCE = 500  # rows fetched at a time
# A fetch is given up after a minute; JIT and parallel workers would only cost the others.
_FETCH_SECONDS = 60  # until one fetch is given up
_CALM = (
    "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0;"
    f"SET LOCAL statement_timeout = '{_FETCH_SECONDS}s'"
)
_SLOTS = 2


class ExportsBusyError(Exception):
    """The organisation runs as many exports as it may at the same time."""


def export(search: Search, window: Window, *, form: str) -> Iterator[bytes]:
    """Return the chunks of the file, newest log first, at most LOG_EXPORT_ROWS of them; `form` is a key of FORMATS.

    The search begins before the first chunk is asked for. Raises ExportsBusyError.
    """
    chunks = _chunks(search, window, _ndjson if form == "ndjson" else _csv)
    next(chunks)
    return chunks


def _chunks(search: Search, window: Window, write: Callable[[Iterable[Record]], bytes]) -> Iterator[bytes]:
    lock = _take_slot(search)
    try:
        yield b""  # whatever can be refused has been; what the caller writes now does not depend on the end of the file
        yield from _rows(search, window, write)
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def _rows(search: Search, window: Window, write: Callable[[Iterable[Record]], bytes]) -> Iterator[bytes]:
    scopes = search.scopes.by_environment()
    if write is _csv:
        yield _csv([COLUMNS])
    sql, params = all_of(RowRange(search.org_id, window.start, window.end), search.parts(walked=False))
    with transaction.atomic(), answers_may_take(_FETCH_SECONDS + 5):
        with connection.cursor() as cursor:
            cursor.execute(_CALM)
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql, [*params, settings.LOG_EXPORT_ROWS])
            while rows := cursor.fetchmany(_AT_ONCE):
                yield write(_record(row, scopes.get(row[4])) for row in rows)


Record = Sequence[Any]


def _take_slot(search: Search) -> int:
    """Take one of the organisation's locks and return it; raises ExportsBusyError."""
    for slot in range(_SLOTS):
        lock = lock_number(f"logs.explorer.export:{search.org_id}:{slot}")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
            if cursor.fetchone()[0]:
                return lock
    raise ExportsBusyError


def _record(row: Sequence[Any], scope: Scope | None) -> Record:
    log_id, ts, received_at, level, _, message, trace_id, request_id, meta = row
    names = (scope.service, scope.environment) if scope else ("", "")
    return (log_id, ts.isoformat(), received_at.isoformat(), level, *names, message, trace_id, request_id, meta)


def _ndjson(records: Iterable[Record]) -> bytes:
    lines = (
        json.dumps(dict(zip(COLUMNS[:-1], record[:-1], strict=True)), ensure_ascii=False)[:-1]
        + f', "meta": {record[-1] or "null"}}}\n'
        for record in records
    )
    return "".join(lines).encode()


class _Line:
    """A file that csv writes one line into."""

    def write(self, text: str) -> str:
        return text


def _csv(records: Iterable[Record]) -> bytes:
    writer = csv.writer(_Line())
    return "".join(writer.writerow([guarded(value) for value in record]) for record in records).encode()
