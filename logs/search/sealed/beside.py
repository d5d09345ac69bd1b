"""Reading rows and blocks beside each other, in one state of the database: each log is in one of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from logs.search.sealed.reader import LISTED, BlockQuery, BlockReader, Match, Span, retried
from logs.storage.blocks.table import Head
from pulseops.core.db.statement_timeout import fetch_together

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RowsAndMatches:
    """What a statement selected, and the matches in blocks, to be read once."""

    rows: list[Any]
    matches: Iterator[Match]
    reader: BlockReader


def read_both(
    statement: tuple[str, Sequence[Any] | Mapping[str, Any]],
    query: BlockQuery,
    span: Span,
    read: Callable[[RowsAndMatches], Result],
    *,
    seconds: float,
) -> Result:
    """Return `read` of what the statement selects and of the query's matches in `span`; raises BoundedQueryError.

    Of a span by the time of receipt the query itself says which blocks it may have.
    """
    blocks = query.range(span.start, span.end) if span.by == "ts" else query.range(None, None)

    def attempt() -> Result:
        reader = BlockReader(query.org_id, seconds)
        rows, listed = fetch_together(seconds, [statement, blocks.heads(limit=LISTED)])
        first = [Head(*row) for row in listed]
        heads = chain(first, reader.following(blocks, first))
        return read(RowsAndMatches(rows, reader.matches(query, span, heads), reader))

    return retried(attempt)
