"""Everything a search finds as NDJSON or CSV: page by page, each a short statement, so memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from logs.cursor import LogCursor
from logs.explorer.export_lines import FORMATS, LineFormat, Names
from logs.explorer.export_reader import ExportReader, WrittenMatch
from logs.search.page import Search
from logs.search.plans import RowRange, all_of
from logs.search.sealed.newest import Ordered
from logs.search.sealed.pages import newest_shown
from logs.search.sealed.reader import retried
from logs.search.sealed.rows import Record
from logs.search.slices import Window
from logs.storage.blocks.table import Head, microseconds_of, moment_of
from pulseops.core.budget import TimeBudget
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_together

MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_FIRST_LINES, _MOST_LINES = 20, 16_000  # of a page
_MOST_ROWS = 4_000  # of a page: rows take several times the memory of their lines
_PAGE_BYTES = 6 * 1024 * 1024  # of text that a page is meant to have: logs may be large
_LISTED, _MOST_LISTED = 32, 256  # heads of blocks in the first answer: each costs as much as some lines
_STATEMENT_SECONDS = 2.0
_QUICK_SECONDS = 0.3  # after which a slice of time is wide enough
_NARROWEST, _FIRST_SLICE = timedelta(milliseconds=1), timedelta(minutes=10)


class _Page(NamedTuple):
    """Logs of a slice of time, the newest first: their times in µs since 1970, their ids and lines."""

    ts: Sequence[int]
    ids: Sequence[int]
    lines: Sequence[bytes]
    is_full: bool  # the slice has more of them

    @property
    def last(self) -> LogCursor:
        """The address of the last one."""
        return LogCursor(moment_of(self.ts[-1]), self.ids[-1])


def export(search: Search, window: Window, *, form: str) -> Iterator[bytes]:
    """Return the chunks of the file, newest log first, at most LOG_EXPORT_ROWS of them; `form` is a key of MEDIA_TYPES.

    The first page is read before the first chunk is asked for. Raises BoundedQueryError, then and later.
    """
    chunks = _chunks(search, window, FORMATS[form])
    next(chunks)
    return chunks


def _chunks(search: Search, window: Window, form: LineFormat) -> Iterator[bytes]:
    pages = _Pages(search, form).read(window)
    text = next(pages, b"")
    yield b""  # whatever can be refused has been; what the caller writes now does not depend on the end of the file
    if form.head:
        yield form.head
    while text:
        yield text
        text = next(pages, b"")


class _Pages:
    """The pages of one export."""

    def __init__(self, search: Search, form: LineFormat) -> None:
        self._search, self._form = search, form
        self._parts = search.parts(walked=False)
        self._scopes = search.scopes.by_environment()
        self._reader = ExportReader(search.org_id, _STATEMENT_SECONDS, form, self._names_of)
        self._listed = _LISTED

    def read(self, window: Window) -> Iterator[bytes]:
        """Yield the lines page by page, none of them empty; a slice of time is as wide as it can be read quickly."""
        left, size, width = settings.LOG_EXPORT_ROWS, _FIRST_LINES, _FIRST_SLICE
        end, before = window.end, None
        while self._parts and left > 0 and end > window.start:
            start = max(end - width, window.start)
            clock = TimeBudget(_QUICK_SECONDS)
            try:
                page = self._page(RowRange(self._search.org_id, start, end, before), min(size, left))
            except QueryTimeoutError:
                if width <= _NARROWEST:
                    raise
                width = max(width / 8, _NARROWEST)
                continue
            if page.is_full:
                before = page.last
                end = min(end, before.ts + timedelta(microseconds=1))
            else:
                end, width = start, width if clock.is_over else width * 4
            if page.lines:
                text = b"".join(page.lines)
                left -= len(page.lines)
                size = _next_size(len(text), len(page.lines))
                yield text

    def _page(self, span: RowRange, limit: int) -> _Page:
        """Return the newest logs of `span`, rows and what is sealed of it."""
        search, most_rows = self._search, min(limit, _MOST_ROWS)
        self._reader.extend(_STATEMENT_SECONDS)
        sql, params = all_of(span, self._parts)
        listing = search.blocks.range(span.start, span.end).heads(limit=self._listed)

        def read() -> _Page:
            rows, heads = fetch_together(_STATEMENT_SECONDS, [(sql, [*params, most_rows]), listing])
            cut = rows[-1][1] if len(rows) == most_rows else None
            sealed = self._sealed(span, [Head(*head) for head in heads], cut, limit)
            return self._with_rows(sealed, rows, limit, is_cut=cut is not None) if rows else sealed

        return retried(read)

    def _sealed(self, span: RowRange, heads: list[Head], oldest: datetime | None, limit: int) -> _Page:
        """Return the newest sealed logs of `span`, none that is older than `oldest`."""
        blocks = self._search.blocks
        if blocks.is_empty or not heads:
            return _Page((), (), (), is_full=False)
        newer = span if oldest is None else replace(span, start=oldest)
        found = newest_shown(self._reader, blocks, newer, heads, oldest, limit, _itself, listed=self._listed)
        lines = [match.lines for match in found.matches if isinstance(match, WrittenMatch)]
        texts = [
            lines[number][place] for number, place in zip(found.numbers.tolist(), found.places.tolist(), strict=True)
        ]
        is_full = len(texts) == limit
        reaching = sum(microseconds_of(head.end_ts) >= found.ts[-1] for head in heads) if is_full else len(heads)
        self._listed = min(max(_LISTED, 2 * reaching), _MOST_LISTED)  # the next page will need as many
        return _Page(found.ts.tolist(), found.ids.tolist(), texts, is_full)

    def _with_rows(self, sealed: _Page, rows: Sequence[Record], limit: int, *, is_cut: bool) -> _Page:
        """Return both in one list; nothing behind the last row where there are more of those."""
        lines = dict(zip(zip(sealed.ts, sealed.ids, strict=True), sealed.lines, strict=True))
        lines |= {(microseconds_of(row[1]), row[0]): self._line_of(row) for row in rows}
        last = (microseconds_of(rows[-1][1]), rows[-1][0])
        addresses = [each for each in sorted(lines, reverse=True)[:limit] if not is_cut or each >= last]
        ts, ids = zip(*addresses, strict=True)
        return _Page(ts, ids, [*map(lines.__getitem__, addresses)], is_full=is_cut or len(addresses) == limit)

    def _line_of(self, record: Record) -> bytes:
        return self._form.line(record, self._names_of(record[4]))

    def _names_of(self, environment_id: UUID | None) -> Names:
        scope = self._scopes.get(environment_id) if environment_id else None
        return (scope.service, scope.environment) if scope else ("", "")


def _itself(ordered: Ordered) -> Ordered:
    return ordered


def _next_size(size: int, lines: int) -> int:
    """Return how many lines such as these make a page."""
    return max(1, min(_PAGE_BYTES * lines // max(size, 1), _MOST_LINES, lines * 8))
