"""One page of a search: newest first, each row once however many share its time, and honest about how far it looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from logs.cursor import LogCursor
from logs.search.columns import Split, split
from logs.search.compiler import Compiler
from logs.search.conditions import Condition
from logs.search.plans import RowRange, is_walk, page_of_slice
from logs.search.rows import LogRow, read_row
from logs.search.sealed.pages import newest_rows
from logs.search.sealed.reader import BlockQuery, retried
from logs.search.sealed.rows import merged
from logs.search.session import SearchSession
from logs.search.slices import Slice, Slicer, Window
from logs.search.tree import Node
from pulseops.core.db.statement_timeout import QueryTimeoutError
from services.scopes import Scopes

_FIRST_SLICE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Search:
    """A query made ready for one organisation."""

    org_id: UUID
    node: Node
    scopes: Scopes
    split: Split
    rest: Condition
    blocks: BlockQuery  # the same of sealed logs
    notices: tuple[str, ...] = ()

    def parts(self, *, walked: bool) -> list[Condition]:
        """Return its conditions, which exclude each other; none means that nothing matches."""
        conditions = self.split.walks if walked else self.split.gathered
        return conditions(self.scopes, self.rest)


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` newest first. `after` is where the next page goes on, None at the end of the window.

    When the time was used up or the organisation's other searches took its slots, `searched_to` is the time back to
    which everything was seen; None when the page is full or the window was seen to its end.
    """

    rows: tuple[LogRow, ...]
    after: LogCursor | None
    searched_to: datetime | None = None
    is_busy: bool = False


def prepare(org_id: UUID, node: Node, scopes: Scopes) -> Search:
    """Compile `node` for the organisation whose services are `scopes`."""
    divided = split(node, scopes)
    compiler = Compiler(scopes)
    compiler.compile(node)  # for the notices of all its parts
    notices = tuple(dict.fromkeys(compiler.notices))
    rest = Compiler(scopes).compile(divided.rest)
    blocks = BlockQuery.of_columns(org_id, scopes, divided.columns, divided.rest)
    return Search(org_id, node, scopes, divided, rest, blocks, notices)


def newest_page(
    session: SearchSession,
    search: Search,
    window: Window,
    *,
    now: datetime,
    seconds: float,
    before: LogCursor | None = None,
    after: LogCursor | None = None,
    first: timedelta = _FIRST_SLICE,
    limit: int = 100,
) -> Page:
    """Return the newest `limit` rows of `window` that match, within about `seconds`; `first` is looked at first.

    Of the list only what is behind `before`; or only what is new above `after`, and what was received late.
    """
    if before and before.ts < window.end:
        window = Window(window.start, max(before.ts + timedelta(microseconds=1), window.start))
    # A search of columns alone walks the b-trees of just these rows, so it needs no slices to stop in time.
    width = first if search.rest.sql else window.length
    slicer = Slicer(window, seconds=seconds, first=width, anchor=now)
    rows: list[LogRow] = []
    while len(rows) <= limit and session.may_go_on() and (part := slicer.take()):
        try:
            span = RowRange(search.org_id, part.start, part.end, before, after)
            rows += _slice_rows(session, search, span, part, limit + 1 - len(rows))
        except QueryTimeoutError:
            if not slicer.failed():
                break
        else:
            slicer.done()
    return _page(rows, limit, slicer, session)


def _slice_rows(session: SearchSession, search: Search, span: RowRange, part: Slice, limit: int) -> list[LogRow]:
    """Return the newest rows of a slice, and of the blocks that reach into it."""
    walked = is_walk(search.rest, part.width)
    conditions = search.parts(walked=walked)
    if not conditions:
        return []
    statement = page_of_slice(span, conditions, is_walk=walked, limit=limit)
    reader, blocks = session.reader(part.seconds), search.blocks.range(span.start, span.end)

    def read() -> list[LogRow]:
        found, [heads] = session.fetch_with_blocks(statement, [blocks], seconds=part.seconds)
        rows = [read_row(row) for row in found]
        return merged(rows, newest_rows(reader, search.blocks, span, heads, rows, limit), limit)

    return retried(read)


def _page(rows: Sequence[LogRow], limit: int, slicer: Slicer, session: SearchSession) -> Page:
    if len(rows) > limit:
        return Page(tuple(rows[:limit]), rows[limit - 1].address)
    if slicer.is_complete:
        return Page(tuple(rows), None)
    return Page(tuple(rows), LogCursor(slicer.reached, 0), slicer.reached, session.is_busy)
