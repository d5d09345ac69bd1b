"""Reading blocks for a search: which are opened, what is found in them, and when to stop."""

from __future__ import annotations

import heapq
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count, islice
from typing import TypeAlias, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from logs.cursor import LogCursor
from logs.search.columns import ColumnFilter
from logs.search.conditions import Condition, one_of
from logs.search.rows import check_owner
from logs.search.sealed.matcher import Matcher, sections_of
from logs.search.sealed.pruner import Pruner
from logs.search.tree import Everything, Node
from logs.storage.blocks.codec import LEVELS, Block, Mask
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.table import SECTIONS, BlockRange, Head, microseconds_of
from pulseops.core.db.sql import fetch_binary
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within
from services.scopes import Scopes

log = logging.getLogger(__name__)
_FIRST, _MOST = 8, 64  # blocks that are read at once
LISTED, _LISTED_BEHIND = 64, 256  # heads of blocks in the first answer, and in those that follow
Result = TypeVar("Result")
_LEAST_RETRIES, _RETRY_SECONDS = 2, 2.0
Places: TypeAlias = NDArray[np.intp]


class BlocksMovedError(Exception):
    """Blocks that a search was about to open are gone: put together with others, or deleted."""


@dataclass(frozen=True, slots=True)
class BlockQuery:
    """A search made ready for the blocks of one organisation.

    `node` is what the columns do not say already; `conditions` are on `log_blocks`.
    """

    org_id: UUID
    scopes: Scopes = field(default=Scopes(()))
    node: Node = field(default_factory=Everything)
    levels: tuple[str, ...] = LEVELS
    conditions: tuple[Condition, ...] = ()
    is_empty: bool = False  # nothing can match

    @classmethod
    def of_columns(cls, org_id: UUID, scopes: Scopes, columns: ColumnFilter, rest: Node) -> BlockQuery:
        """Return the query of a search that was split into columns and the rest."""
        pruner, admitted = Pruner(scopes), [scope for scope in scopes.all if columns.holds(scope)]
        levels = tuple(level for level in LEVELS if level in columns.levels)
        conditions = [pruner.levels(levels), pruner.prune(rest)]
        if len(admitted) < len(scopes.all):
            conditions.append(one_of("environment_id", [scope.environment_id for scope in admitted], "uuid"))
        is_empty = not levels or bool(scopes.all and not admitted)
        return cls(org_id, scopes, rest, levels, tuple(conditions), is_empty)

    @classmethod
    def of_node(cls, org_id: UUID, scopes: Scopes, node: Node, *, level: str = "") -> BlockQuery:
        """Return the query of a whole tree, of one level if it is named."""
        pruner, levels = Pruner(scopes), (level,) if level else LEVELS
        return cls(org_id, scopes, node, levels, (pruner.levels(levels), pruner.prune(node)))

    def where(self, *conditions: Condition) -> BlockQuery:
        """Return the same with more conditions on the blocks."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def range(self, start: datetime | None, end: datetime | None) -> BlockRange:
        """Return the blocks that may have matches in [start, end)."""
        return BlockRange(self.org_id, start, end, self.conditions)

    @property
    def sections(self) -> tuple[str, ...]:
        """What has to be read of a block to know its matches."""
        wanted = {"narrow", *sections_of(self.node)}
        return tuple(name for name in SECTIONS if name in wanted)

    def mask(self, head: Head, block: Block) -> Mask:
        """Return which logs of a block match, whatever their time."""
        matcher = Matcher(self.scopes, head, block)
        return matcher.levels(self.levels) & matcher.mask(self.node)


@dataclass(frozen=True, slots=True)
class Match:
    """The logs of one block that match, by their places in it."""

    head: Head
    block: Block
    places: Places


@dataclass(frozen=True, slots=True)
class Span:
    """The time [start, end) of a log, by the column `by`: "ts", or "received" for when it was received."""

    start: datetime
    end: datetime
    by: str = "ts"

    def mask(self, block: Block) -> Mask:
        """Return which logs of the block lie in it."""
        times = block.ts if self.by == "ts" else block.received
        return (times >= microseconds_of(self.start)) & (times < microseconds_of(self.end))


class BlockReader:
    """Opens blocks of one organisation, within `seconds` from now; keeps the last `kept` of them.

    A block that is damaged is left out; its id goes into `damage`. Raises ForeignRowError in a page of others.
    """

    def __init__(self, org_id: UUID, seconds: float, damage: set[int] | None = None, *, kept: int = 0) -> None:
        check_owner(org_id)
        self.org_id = org_id
        self.damage = set() if damage is None else damage
        self._until = time.monotonic() + seconds
        self._kept: OrderedDict[tuple[int, tuple[str, ...]], Block] = OrderedDict()
        self._most_kept = kept

    @property
    def seconds_left(self) -> float:
        """What is left of its time."""
        return self._until - time.monotonic()

    def extend(self, seconds: float) -> None:
        """Let it work for so long from now."""
        self._until = time.monotonic() + seconds

    def heads(self, range_: BlockRange, *, is_oldest_first: bool = False) -> Iterator[Head]:
        """Yield the heads of a range in their order, some hundreds in one answer."""
        listed: BlockRange | None = range_
        while listed is not None:
            sql, params = listed.heads(is_oldest_first=is_oldest_first, limit=_LISTED_BEHIND)
            rows = [Head(*row) for row in fetch_within(max(self.seconds_left, 0), sql, params)]
            yield from rows
            listed = _behind(range_, rows[-1], is_oldest_first) if len(rows) == _LISTED_BEHIND else None

    def following(self, range_: BlockRange, first: Sequence[Head]) -> Iterator[Head]:
        """Yield the heads of a range behind the first ones, which were listed newest first."""
        return self.heads(_behind(range_, first[-1], False)) if len(first) == LISTED else iter(())

    def matches(self, query: BlockQuery, span: Span, heads: Iterable[Head]) -> Iterator[Match]:
        """Yield what matches within `span`, in the order of `heads`; blocks without any are left out.

        Raises QueryTimeoutError when time is up, and BlocksMovedError.
        """
        for head, block in self.blocks(heads, query.sections):
            try:
                places = np.flatnonzero(query.mask(head, block) & span.mask(block))
            except (DamagedBlockError, RecursionError) as error:  # the latter of JSON that is some hundreds deep
                self.note_damage(head, error)
                continue
            if len(places):
                yield Match(head, block, places)

    def blocks(self, heads: Iterable[Head], names: tuple[str, ...]) -> Iterator[tuple[Head, Block]]:
        """Yield each head with its block, of which the sections `names` are there."""
        remaining, size = iter(heads), _FIRST
        while batch := list(islice(remaining, size)):
            found = self._fetch(batch, names)
            for head in batch:
                if self.seconds_left <= 0:
                    raise QueryTimeoutError
                yield head, found[head.id]
            size = min(size * 2, _MOST)

    def whole(self, matches: Iterable[Match]) -> dict[int, Block]:
        """Return the blocks of matches by their ids, with all sections. Raises BlocksMovedError."""
        return self._fetch(list({match.head.id: match.head for match in matches}.values()), SECTIONS)

    def _fetch(self, heads: Sequence[Head], names: tuple[str, ...]) -> dict[int, Block]:
        known = {head.id: self._kept[head.id, names] for head in heads if (head.id, names) in self._kept}
        counts = {head.id: head.logs for head in heads if head.id not in known}
        if counts:
            for id_, *sections in fetch_binary(*BlockRange(self.org_id).sections(names, list(counts))):
                known[id_] = Block(counts[id_], dict(zip(names, sections, strict=True)))
        if len(known) < len(heads):
            raise BlocksMovedError
        if self._most_kept:
            self._keep(known, names)
        return known

    def _keep(self, blocks: dict[int, Block], names: tuple[str, ...]) -> None:
        for id_, block in blocks.items():
            self._kept[id_, names] = block
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    def note_damage(self, head: Head, error: Exception) -> None:
        """Remember that a block could not be read."""
        self.damage.add(head.id)
        log.error(
            "a block of logs is damaged", extra={"org_id": str(self.org_id), "block": head.id, "error": str(error)}
        )


def _behind(range_: BlockRange, last: Head, is_oldest_first: bool) -> BlockRange:
    if is_oldest_first:
        condition = Condition("(start_ts, id) > (%s, %s)", (last.start_ts, last.id))
    else:
        condition = Condition("end_ts <= %s AND (end_ts, id) < (%s, %s)", (last.end_ts, last.end_ts, last.id))
    return replace(range_, conditions=(*range_.conditions, condition))


def retried(work: Callable[[bool], Result]) -> Result:
    """Return `work(is_again)`, done again where blocks were moved meanwhile.

    Raises QueryTimeoutError when they still are at the third time and after _RETRY_SECONDS: quick work beside a quick
    sealing meets it often.
    """
    until = time.monotonic() + _RETRY_SECONDS
    for attempt in count():
        try:
            return work(attempt > 0)
        except BlocksMovedError:
            if attempt >= _LEAST_RETRIES and time.monotonic() > until:
                break
    raise QueryTimeoutError


@dataclass(frozen=True, slots=True)
class Found:
    """One log that matches, by its place in a block."""

    ts: int  # µs since 1970
    id: int
    match: Match
    place: int


def newest(
    reader: BlockReader, query: BlockQuery, span: Span, heads: Iterable[Head], limit: int,
    admits: Callable[[Match], Match | None] = lambda match: match, *, is_oldest_first: bool = False,
) -> list[Found]:  # fmt: skip
    """Return the newest `limit` matches by (ts, id), newest first, or the oldest ones first.

    `heads` come in the same order, so that the first that cannot have a better one ends the search; `admits` takes some
    of a block's matches away.
    """
    sign = -1 if is_oldest_first else 1
    best: list[tuple[int, int, int, Found]] = []  # the worst first; a running number, for Founds cannot be compared
    number = count()

    def worth_opening() -> Iterator[Head]:
        for head in heads:
            edge = microseconds_of(head.start_ts if is_oldest_first else head.end_ts)
            if len(best) == limit and sign * edge < best[0][0]:
                return
            yield head

    for match in map(admits, reader.matches(query, span, worth_opening())):
        if match is None:
            continue
        for place in match.places.tolist()[::-sign][:limit]:
            ts, id_ = int(match.block.ts[place]), int(match.block.ids[place])
            entry = (sign * ts, sign * id_, next(number), Found(ts, id_, match, place))
            if len(best) < limit:
                heapq.heappush(best, entry)
            elif entry[:2] > best[0][:2]:
                heapq.heapreplace(best, entry)
            else:
                break
    return [found for *_, found in sorted(best, key=lambda each: each[:2], reverse=True)]


def behind(match: Match, before: LogCursor | None, after: LogCursor | None) -> Match | None:
    """Return the matches that follow `before` in a list that is newest first, or stand above `after`; None for none."""
    ts, ids = match.block.ts[match.places], match.block.ids[match.places]
    wanted = np.ones(len(ts), bool)
    if before is not None:
        at = microseconds_of(before.ts)
        wanted &= (ts < at) | ((ts == at) & (ids < before.id))
    if after is not None:
        at = microseconds_of(after.ts)
        wanted &= (ts > at) | ((ts == at) & (ids > after.id))
    places = match.places[wanted]
    return replace(match, places=places) if len(places) else None
