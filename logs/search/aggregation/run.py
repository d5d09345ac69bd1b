"""Aggregating what a search finds, of rows and of sealed logs, newest first and within a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice

from logs.search.aggregation.groups import Aggregate, Groups
from logs.search.aggregation.of_blocks import BlockAdder, by_head
from logs.search.aggregation.of_rows import add_cells, names_of_scopes, statement_of
from logs.search.aggregation.query import Aggregation
from logs.search.page import Search
from logs.search.plans import RowRange
from logs.search.sealed.reader import BlockReader, Span, retried
from logs.search.session import SearchSession
from logs.search.slices import Slice, Slicer, Window
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.summaries import Summary
from logs.storage.blocks.table import Head, note_damage
from pulseops.core.db.statement_timeout import QueryTimeoutError

_LISTED = 10_000  # heads of blocks in the first answer: rows would else be aggregated twice, see `retried`
_AT_ONCE = 256  # blocks of which summaries are read together
_FIRST_SHARE = 32  # of a window, which is looked at first
_MOST_BARS = 2_000


def aggregate(
    session: SearchSession,
    search: Search,
    window: Window,
    aggregations: Sequence[Aggregation],
    *,
    seconds: float,
    until: datetime | None = None,
    first: timedelta | None = None,
    retries: int = 2,
) -> list[Aggregate]:
    """Return what is asked of the logs of `window` that the search finds, one result for each of `aggregations`.

    All of them are computed in one walk through time, newest first, which ends after about `seconds`; results say how
    far it came. `until` is where most logs end, if the window goes on beyond it; `first` is looked at first, and with
    `retries` less, so that something is found, though later. Raises ValueError for too many bars, and BoundedQueryError
    where the database cannot compute it: a sum of too many digits.
    """
    for asked in aggregations:
        if asked.bars and window.length > asked.bars.step * _MOST_BARS:
            raise ValueError(f"More than {_MOST_BARS:,} bars were asked for.")
    totals = [Groups(asked) for asked in aggregations]
    width = first or window.length / _FIRST_SHARE
    slicer = Slicer(window, seconds=seconds, first=width, anchor=until, retries=retries)
    while session.may_go_on() and (part := slicer.take()):
        try:
            counted = _of_slice(session, search, part, aggregations)
        except QueryTimeoutError:
            if not slicer.failed():
                break
        else:
            slicer.done()
            for total, groups in zip(totals, counted, strict=True):
                total.add(groups)
    return [total.result(slicer.reached, is_complete=slicer.is_complete) for total in totals]


def _of_slice(session: SearchSession, search: Search, part: Slice, aggregations: Sequence[Aggregation]) -> list[Groups]:
    """Aggregate the logs of a slice. Raises QueryTimeoutError."""
    parts = search.parts(walked=False)
    if not parts:
        return [Groups(asked) for asked in aggregations]
    statement = statement_of(aggregations, RowRange(search.org_id, part.start, part.end), parts[0])

    def count() -> list[Groups]:
        groups = [Groups(asked) for asked in aggregations]
        reader, blocks = session.reader(part.seconds), search.blocks.range(part.start, part.end)
        rows, [heads] = session.fetch_with_blocks(statement, [blocks], seconds=part.seconds, listed=_LISTED)
        add_cells(groups, rows, search.scopes)
        if heads and not search.blocks.is_empty:
            _BlockWalk(reader, search, Span(part.start, part.end), groups).add(
                chain(heads, reader.following(blocks, heads, _LISTED))
            )
        return groups

    return retried(count)


class _BlockWalk:
    """Adds the logs of blocks to groups: by what summaries say where that is enough, else by opening them."""

    def __init__(self, reader: BlockReader, search: Search, span: Span, groups: Sequence[Groups]) -> None:
        self._reader, self._span, self._groups = reader, span, groups
        self._query = search.blocks.reading(frozenset().union(*(each.aggregation.sections for each in groups)))
        self._names = {id(each): names_of_scopes(each.aggregation.by, search.scopes) for each in groups}
        self._has_keys = any(each.aggregation.json_keys for each in groups)

    def add(self, heads: Iterable[Head]) -> None:
        """Add the logs of all blocks of `heads`. Raises QueryTimeoutError, and BlocksMovedError."""
        remaining = iter(heads)
        while batch := list(islice(remaining, _AT_ONCE)):
            left = dict(self._unanswered([head for head in batch if head.id not in self._reader.damage]))
            opened = [head for head in batch if head.id in left]
            for match in self._reader.matches(self._query, self._span, opened):
                try:
                    adders = [BlockAdder(each, match, self._names[id(each)]) for each in left[match.head.id]]
                except (DamagedBlockError, RecursionError) as error:
                    self._reader.note_damage(match.head, error)
                    continue
                for adder in adders:
                    adder.add()

    def _unanswered(self, heads: Sequence[Head]) -> Iterator[tuple[int, Sequence[Groups]]]:
        """Yield the blocks that have to be opened, by their ids, each with the groups that it is opened for."""
        whole = [head for head in heads if self._query.means_all(head) and self._span.covers(head)]
        summaries = self._reader.summaries(whole) if self._has_keys and whole else {}
        are_whole = {head.id for head in whole}
        for head in heads:
            if self._reader.seconds_left <= 0:
                raise QueryTimeoutError
            left = self._groups
            if head.id in are_whole:
                left = [each for each in self._groups if not self._is_answered(each, head, summaries.get(head.id))]
            if left:
                yield head.id, left

    def _is_answered(self, groups: Groups, head: Head, summary: Summary | None) -> bool:
        try:
            return by_head(groups, head, summary, self._names[id(groups)])
        except DamagedBlockError as error:
            note_damage(self._reader.org_id, head.id, error)
            return False
