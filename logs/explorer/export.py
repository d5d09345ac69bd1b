"""Everything a search finds as NDJSON or CSV: page by page, each a short statement, so memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.conf import settings

from logs.cursor import LogCursor
from logs.explorer.export_lines import FORMATS, LineFormat, Names
from logs.explorer.export_reader import ExportReader
from logs.search.page import Search
from logs.search.plans import RowRange, all_of
from logs.search.sealed.pages import newest_shown
from logs.search.sealed.reader import retried
from logs.search.sealed.rows import Record
from logs.search.slices import Window
from logs.storage.blocks.table import Head, microseconds_of, moment_of
from pulseops.core.budget import TimeBudget
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_together

MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
Line = tuple[int, int, bytes]  # time in µs since 1970, id, the line
_TEXT = itemgetter(2)
_FIRST_ROWS, _MOST_ROWS = 20, 4_000  # of a page
_PAGE_BYTES = 2 * 1024 * 1024  # of text that a page is meant to have: logs may be large
_LISTED = 256  # heads of blocks in the first answer
_STATEMENT_SECONDS = 2.0
_QUICK_SECONDS = 0.3  # after which a slice of time is wide enough
_NARROWEST, _FIRST_SLICE = timedelta(milliseconds=1), timedelta(minutes=10)


def export(search: Search, window: Window, *, form: str) -> Iterator[bytes]:
    """Return the chunks of the file, newest log first, at most LOG_EXPORT_ROWS of them; `form` is a key of MEDIA_TYPES.

    The first page is read before the first chunk is asked for. Raises BoundedQueryError, then and later.
    """
    chunks = _chunks(search, window, FORMATS[form])
    next(chunks)
    return chunks


def _chunks(search: Search, window: Window, form: LineFormat) -> Iterator[bytes]:
    pages = _Pages(search, form).read(window)
    lines = next(pages, ())
    yield b""  # whatever can be refused has been; what the caller writes now does not depend on the end of the file
    if form.head:
        yield form.head
    while lines:
        yield b"".join(map(_TEXT, lines))
        lines = next(pages, ())


class _Pages:
    """The pages of one export."""

    def __init__(self, search: Search, form: LineFormat) -> None:
        self._search, self._form = search, form
        self._parts = search.parts(walked=False)
        self._scopes = search.scopes.by_environment()
        self._reader = ExportReader(search.org_id, _STATEMENT_SECONDS, form, self._names_of)

    def read(self, window: Window) -> Iterator[Sequence[Line]]:
        """Yield the lines page by page, none of them empty; a slice of time is as wide as it can be read quickly."""
        left, size, width = settings.LOG_EXPORT_ROWS, _FIRST_ROWS, _FIRST_SLICE
        end, before = window.end, None
        while self._parts and left > 0 and end > window.start:
            start = max(end - width, window.start)
            limit, clock = min(size, left), TimeBudget(_QUICK_SECONDS)
            try:
                lines = self._page(RowRange(self._search.org_id, start, end, before), limit)
            except QueryTimeoutError:
                if width <= _NARROWEST:
                    raise
                width = max(width / 8, _NARROWEST)
                continue
            if len(lines) == limit:
                before = LogCursor(moment_of(lines[-1][0]), lines[-1][1])
                end = min(end, before.ts + timedelta(microseconds=1))
            else:
                end, width = start, width if clock.is_over else width * 4
            if lines:
                left -= len(lines)
                size = _next_size(lines)
                yield lines

    def _page(self, span: RowRange, limit: int) -> Sequence[Line]:
        """Return the newest logs of `span`, rows and what is sealed of it."""
        search = self._search
        self._reader.extend(_STATEMENT_SECONDS)
        sql, params = all_of(span, self._parts)
        listing = search.blocks.range(span.start, span.end).heads(limit=_LISTED)

        def read() -> Sequence[Line]:
            rows, listed = fetch_together(_STATEMENT_SECONDS, [(sql, [*params, limit]), listing])
            heads, oldest = [Head(*head) for head in listed], rows[-1][1] if len(rows) >= limit else None
            sealed = newest_shown(
                self._reader, search.blocks, span, heads, oldest, limit, list, make=_line_of_match, listed=_LISTED
            )
            lines = [(microseconds_of(row[1]), row[0], self._line_of(row)) for row in rows]
            if not rows or not sealed:
                return sealed or lines
            by_address = {line[:2]: line for line in (*sealed, *lines)}
            return [by_address[address] for address in sorted(by_address, reverse=True)[:limit]]

        return retried(read)

    def _line_of(self, record: Record) -> bytes:
        return self._form.line(record, self._names_of(record[4]))

    def _names_of(self, environment_id: UUID | None) -> Names:
        scope = self._scopes.get(environment_id) if environment_id else None
        return (scope.service, scope.environment) if scope else ("", "")


def _line_of_match(found: tuple[int, int, Any, int]) -> Line:
    ts, id_, match, place = found
    return ts, id_, match.lines[place]


def _next_size(lines: Sequence[Line]) -> int:
    """Return how many lines such as these make a page."""
    size = sum(map(len, map(_TEXT, lines))) / len(lines)
    return max(1, min(int(_PAGE_BYTES / max(size, 1)), _MOST_ROWS, len(lines) * 8))
