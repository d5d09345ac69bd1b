"""Reading blocks for a search: which are opened, what is found in them, and when to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db import connection

from logs.search.columns import ColumnFilter
from logs.search.conditions import Condition, one_of
from logs.search.rows import check_owner
from logs.search.sealed.matcher import Matcher, sections_of
from logs.search.sealed.pruner import Pruner
from logs.search.tree import Everything, Node
from logs.storage.blocks.arrays import Mask, Places, np
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.summaries import Summary
from logs.storage.blocks.table import ID_SECTIONS, SECTIONS, BlockRange, Head, microseconds_of, note_damage
from pulseops.core.db.snapshot import one_snapshot
from pulseops.core.db.sql import fetch_binary
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within
from services.scopes import Scopes

log = logging.getLogger(__name__)
_FIRST, _MOST = 8, 64  # blocks that are read at once
LISTED, _LISTED_BEHIND = 64, 256  # heads of blocks in the first answer, and in those that follow
Result = TypeVar("Result")


class BlocksMovedError(Exception):
    """Blocks that a search is about to open may be gone by now, put together with others or deleted."""


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
    having_ids: Condition | None = None  # met by the blocks whose ids may be what a text says; None where not known
    also: frozenset[str] = frozenset()  # sections that are wanted of what matches
    read: Callable[[Block], None] = Block.read_narrow  # reads what every caller asks for of what matches

    @classmethod
    def of_columns(cls, org_id: UUID, scopes: Scopes, columns: ColumnFilter, rest: Node) -> BlockQuery:
        """Return the query of a search that was split into columns and the rest."""
        pruner, admitted = Pruner(scopes), [scope for scope in scopes.all if columns.holds(scope)]
        levels = tuple(level for level in LEVELS if level in columns.levels)
        conditions = [pruner.levels(levels), pruner.prune(rest)]
        if len(admitted) < len(scopes.all):
            conditions.append(one_of("environment_id", [scope.environment_id for scope in admitted], "uuid"))
        is_empty = not levels or bool(scopes.all and not admitted)
        return cls(org_id, scopes, rest, levels, tuple(conditions), is_empty, Pruner(scopes).ids_of_texts(rest))

    @classmethod
    def of_node(cls, org_id: UUID, scopes: Scopes, node: Node, *, level: str = "") -> BlockQuery:
        """Return the query of a whole tree, of one level if it is named."""
        pruner, levels = Pruner(scopes), (level,) if level else LEVELS
        conditions = (pruner.levels(levels), pruner.prune(node))
        return cls(org_id, scopes, node, levels, conditions, having_ids=Pruner(scopes).ids_of_texts(node))

    def where(self, *conditions: Condition) -> BlockQuery:
        """Return the same with more conditions on the blocks."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def range(self, start: datetime | None, end: datetime | None) -> BlockRange:
        """Return the blocks that may have matches in [start, end)."""
        return BlockRange(self.org_id, start, end, self.conditions)

    def reading(self, sections: frozenset[str]) -> BlockQuery:
        """Return the same with more sections wanted of what matches."""
        return replace(self, also=sections, having_ids=None if sections & set(ID_SECTIONS) else self.having_ids)

    def of_bars(self) -> BlockQuery:
        """Return the same for those who ask for times and levels alone of what matches."""
        return replace(self, read=Block.read_bars)

    def means_all(self, head: Head) -> bool:
        """Return whether all logs of a block match, whatever their time, as far as its head tells."""
        admitted = sum(count for level, count in zip(LEVELS, head.levels, strict=True) if level in self.levels)
        return isinstance(self.node, Everything) and admitted == head.logs

    @property
    def sections(self) -> tuple[str, ...]:
        """What has to be read of a block: to know its matches, and what is wanted of them."""
        wanted = {"narrow", *sections_of(self.node), *self.also}
        return tuple(name for name in SECTIONS if name in wanted)

    def mask(self, head: Head, block: Block) -> Mask:
        """Return which logs of a block match, whatever their time."""
        matcher = Matcher(self.scopes, head, block)
        found = matcher.mask(self.node)
        return found & matcher.levels(self.levels) if len(self.levels) < len(LEVELS) and found.any() else found


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

    def covers(self, head: Head) -> bool:
        """Return whether all logs of a block lie in it, as far as its head tells."""
        return self.by == "ts" and self.start <= head.start_ts and head.end_ts < self.end

    def mask(self, block: Block) -> Mask:
        """Return which logs of the block lie in it."""
        times = block.ts if self.by == "ts" else block.received
        return (times >= microseconds_of(self.start)) & (times < microseconds_of(self.end))


class BlockReader:
    """Opens blocks of one organisation, within `seconds` from now.

    A block that is damaged is left out from then on; its id goes into `damage`. Raises ForeignRowError for others.
    """

    def __init__(self, org_id: UUID, seconds: float, damage: set[int] | None = None) -> None:
        check_owner(org_id)
        self.org_id = org_id
        self.damage = set() if damage is None else damage
        self._until = time.monotonic() + seconds

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

    def following(self, range_: BlockRange, first: Sequence[Head], listed: int = LISTED) -> Iterator[Head]:
        """Yield the heads of a range behind the first ones, of which `listed` were asked for, newest first.

        Raises BlocksMovedError where those were listed in another state of the database.
        """
        if len(first) < listed:
            return
        if not connection.in_atomic_block:
            raise BlocksMovedError
        yield from self.heads(_behind(range_, first[-1], False))

    def matches(self, query: BlockQuery, span: Span, heads: Iterable[Head]) -> Iterator[Match]:
        """Yield what matches within `span`, in the order of `heads`; blocks without any are left out.

        Raises QueryTimeoutError when time is up, and BlocksMovedError.
        """
        for head, block in self.blocks(heads, query.sections, query.having_ids):
            try:
                found = query.mask(head, block)
                if found.any():
                    query.read(block)
                places = np.flatnonzero(found if span.covers(head) or not found.any() else found & span.mask(block))
            except (DamagedBlockError, RecursionError) as error:  # the latter of JSON that is some hundreds deep
                self.note_damage(head, error)
                continue
            if len(places):
                yield Match(head, block, places)

    def blocks(
        self, heads: Iterable[Head], names: tuple[str, ...], having_ids: Condition | None = None
    ) -> Iterator[tuple[Head, Block]]:
        """Yield each head with its block, of which the sections `names` are there; of ids only where `having_ids`."""
        remaining, size = (head for head in heads if head.id not in self.damage), _FIRST
        while batch := list(islice(remaining, size)):
            found = self._fetch(batch, names, having_ids)
            for head in batch:
                if self.seconds_left <= 0:
                    raise QueryTimeoutError
                yield head, found[head.id]
            size = min(size * 2, _MOST)

    def summaries(self, heads: Sequence[Head]) -> dict[int, Summary | None]:
        """Return the summaries of blocks, by their ids; None where one has none, or none that can be read.

        Raises BlocksMovedError.
        """
        rows = fetch_binary(*BlockRange(self.org_id).summaries([head.id for head in heads]))
        if len(rows) < len(heads):
            raise BlocksMovedError
        found: dict[int, Summary | None] = {}
        for id_, stored in rows:
            try:
                found[id_] = None if stored is None else Summary(stored)
            except DamagedBlockError as error:
                note_damage(self.org_id, id_, error)  # its logs are there: it is opened
                found[id_] = None
        return found

    def complete(self, matches: Iterable[Match]) -> None:
        """Fetch the sections that the blocks of matches lack. Raises BlocksMovedError."""
        blocks = {match.head.id: match.block for match in matches}
        names = tuple(name for name in SECTIONS if not all(block.holds((name,)) for block in blocks.values()))
        lacking = {id_: block for id_, block in blocks.items() if not block.holds(names)}
        if lacking:
            rows = fetch_binary(*BlockRange(self.org_id).sections(names, list(lacking)))
            for id_, *sections in rows:
                lacking[id_].add(dict(zip(names, sections, strict=True)))
            if len(rows) < len(lacking):
                raise BlocksMovedError

    def _fetch(
        self, heads: Sequence[Head], names: tuple[str, ...], having_ids: Condition | None = None
    ) -> dict[int, Block]:
        counts = {head.id: head.logs for head in heads}
        rows = fetch_binary(*BlockRange(self.org_id).sections(names, list(counts), having_ids))
        if len(rows) < len(heads):
            raise BlocksMovedError
        return {id_: Block(counts[id_], dict(zip(names, sections, strict=True))) for id_, *sections in rows}

    def note_damage(self, head: Head, error: Exception) -> None:
        """Remember that a block could not be read; the first time that is written down."""
        if head.id in self.damage:
            return
        self.damage.add(head.id)
        if isinstance(error, RecursionError):
            log.error("a block has JSON that is too deep", extra={"org_id": str(self.org_id), "block": head.id})
        else:
            note_damage(self.org_id, head.id, error)


def _behind(range_: BlockRange, last: Head, is_oldest_first: bool) -> BlockRange:
    if is_oldest_first:
        condition = Condition("(start_ts, id) > (%s, %s)", (last.start_ts, last.id))
    else:
        condition = Condition("end_ts <= %s AND (end_ts, id) < (%s, %s)", (last.end_ts, last.end_ts, last.id))
    return replace(range_, conditions=(*range_.conditions, condition))


def retried(work: Callable[[], Result]) -> Result:
    """Return `work()`, which begins with the rows and the first heads of blocks in one message.

    Where that is not all it needs, or blocks were moved meanwhile, it is done again with all its statements in one
    snapshot: nothing moves in there.
    """
    try:
        return work()
    except BlocksMovedError:
        pass
    try:
        with one_snapshot():
            return work()
    except BlocksMovedError as error:  # within a transaction of the caller's
        raise QueryTimeoutError from error
