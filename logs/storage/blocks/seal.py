"""Sealing: what is over goes from `logs` into blocks, some logs of one environment in each transaction.

The transaction reads the rows, inserts the block and deletes the rows, all in one snapshot, so whatever ends it, each
log is in one of the two places, and the next run goes on with what it finds. A late log becomes part of a small block,
which the next small one takes in.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psycopg
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction

from logs.search.conditions import Condition
from logs.storage.blocks.codec import Rows
from logs.storage.blocks.packing import DamagedBlockError, TooLargeError
from logs.storage.blocks.rows import (
    BLOCK_LOGS,
    EARLIEST,
    Stretch,
    block_of,
    delete_oldest,
    may_fill_block,
    parts,
    read_oldest,
)
from logs.storage.blocks.table import (
    SECTIONS,
    BlockRange,
    Head,
    Place,
    delete_blocks,
    insert_block,
    moment_of,
    note_damage,
)
from logs.storage.partitions import drop_if_empty, partitions
from pulseops.core.db.distribution import is_worker_away
from pulseops.core.db.snapshot import one_snapshot
from services.queries import all_environments

log = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_NEAR = timedelta(days=7)  # between logs of one block
_WORTH_MERGING = BLOCK_LOGS // 2  # logs of a block that others are put to
_SHARE = 0.5  # of the time that a run works: the rest is for others


@dataclass(frozen=True, slots=True)
class Step:
    """Some logs of a stretch that became some blocks, and the stretch behind them."""

    logs: int
    blocks: int
    rest: Stretch


@dataclass(slots=True)
class Sealed:
    """What a run did: logs and the blocks that they became, and which partitions it could drop."""

    logs: int = 0
    blocks: int = 0
    dropped: list[str] = field(default_factory=list)
    failed: int = 0  # environments whose logs could not be sealed


def seal(now: datetime, *, seconds: float, pause: Callable[[float], None] = time.sleep) -> Sealed:
    """Seal logs that are over at `now`, for about `seconds`; half of that it waits, so that others have the machine.

    Partitions that an earlier run has emptied are dropped first: what reads logs has seen by now that they are blocks.
    """
    sealed, until = Sealed(dropped=drop_emptied(now)), time.monotonic() + seconds
    fresh = fresh_from(now)
    stretches = [Stretch(Place(*ids), EARLIEST, fresh, fresh) for ids in all_environments()]
    random.shuffle(stretches)  # so that none waits behind the same large one at every run
    passed = dict[int, Stretch]()  # what passes of single days have left behind
    for day, end, only_full in _passes(fresh, len(stretches)):
        chosen = [
            number
            for number, stretch in enumerate(stretches)
            if not only_full or may_fill_block(stretch.place, max(stretch.start, day), end)
        ]
        for number in chosen:
            stretch = stretches[number]
            part = passed.pop(number, stretch) if day == EARLIEST else _not_before(stretch, day - _DAY)
            if part.start > stretch.start:
                passed.setdefault(number, stretch)
            try:
                rest = _seal_stretch(replace(part, end=end), only_full, until, sealed, pause)
            except Exception:  # what fails for one fails for that one alone
                if not connection.is_usable():
                    raise
                log.exception("logs could not be sealed", extra={"org_id": str(stretch.place.org_id)})
                sealed.failed += 1
                continue
            if rest is None:
                return sealed
            stretches[number] = rest
    return sealed


def _passes(fresh: datetime, places: int) -> Iterator[tuple[datetime, datetime, bool]]:
    """Yield a day and its end, up to which logs are sealed, and whether only those that fill a block.

    Day by day, for the logs of all environments share the pages of their day, which are in memory then; not those days
    that seem to have but what fills no block. That waits until its day (UTC) is over and all others are sealed. What a
    day left is put to the next; what is older waits as well, since each day that is named is planned for.
    """
    over = fresh.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for partition in partitions():
        is_full = partition.rows < 0 or partition.rows > places * BLOCK_LOGS // 2
        if is_full and not partition.is_default and partition.end < over:
            yield max(partition.start, EARLIEST + _DAY), partition.end, True
    yield from ((EARLIEST, fresh, True), (EARLIEST, over, False))


def _not_before(stretch: Stretch, start: datetime) -> Stretch:
    return stretch if stretch.start >= start else Stretch(stretch.place, start, stretch.end, stretch.received)


def _seal_stretch(
    stretch: Stretch, only_full: bool, until: float, sealed: Sealed, pause: Callable[[float], None]
) -> Stretch | None:
    """Seal a stretch; returns what is left behind it, None where the monotonic clock reached `until` before."""
    while time.monotonic() < until:
        began = time.monotonic()
        step = seal_oldest(stretch, BLOCK_LOGS, only_full=only_full) if stretch.start < stretch.end else None
        if step is None:
            return stretch
        stretch = step.rest
        sealed.logs, sealed.blocks = sealed.logs + step.logs, sealed.blocks + step.blocks
        pause((time.monotonic() - began) * (1 - _SHARE) / _SHARE)
    return None


def fresh_from(now: datetime) -> datetime:
    """Return the time from which on logs stay rows."""
    return now - timedelta(hours=settings.LOG_FRESH_HOURS)


def seal_oldest(stretch: Stretch, most: int, *, only_full: bool = False) -> Step | None:
    """Seal the oldest `most` logs of a stretch; returns None where it has none, or less than a block if `only_full`.

    What no block can hold stays as it is.
    """
    chunk = None
    try:
        with one_snapshot(), transaction.atomic():
            _prepare()
            chunk = read_oldest(stretch, most)
            if chunk is None or (only_full and not chunk.is_full):
                return None
            return _seal(stretch, chunk.rows)
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.SerializationFailure):
            raise
        return None  # rows were deleted meanwhile: what is left is for the next run
    except (TooLargeError, RecursionError):  # the latter of JSON that is some hundreds deep
        if chunk is None:
            raise
    if len(chunk.rows) > 1:
        return seal_oldest(stretch, len(chunk.rows) // 2)
    log.warning("a log is too large for a block and stays a row", extra={"org_id": str(stretch.place.org_id)})
    return Step(0, 0, _behind(stretch, chunk.rows))


def drop_emptied(now: datetime) -> list[str]:
    """Drop partitions of days that are over and have no rows left; returns their names. One in use is left.

    All are left while a worker of Citus is away, which has a part of each.
    """
    over = [each for each in partitions() if not each.is_default and each.end <= fresh_from(now)]
    dropped: list[str] = []
    try:
        dropped.extend(each.name for each in over if drop_if_empty(each))
    except DatabaseError as error:
        if not is_worker_away(error):
            raise
        log.warning("no partition is dropped while a worker of Citus is away")
    return dropped


def _seal(stretch: Stretch, rows: Rows) -> Step:
    place, sealed = stretch.place, rows
    if len(rows) < _WORTH_MERGING:
        sealed = _with_neighbour(place, rows)
    blocks = list(parts(sealed, BLOCK_LOGS))
    for block in blocks:
        insert_block(place, block)
    delete_oldest(stretch, rows)
    return Step(len(rows), len(blocks), _behind(stretch, rows))


def _behind(stretch: Stretch, rows: Rows) -> Stretch:
    return replace(stretch, start=moment_of(rows.ts[-1]), after=int(rows.ids[-1]))


def _with_neighbour(place: Place, rows: Rows) -> Rows:
    """Return the rows with those of a small block beside them, which is deleted."""
    first, last = moment_of(rows.ts[0]), moment_of(rows.ts[-1])
    near = BlockRange(place.org_id, last - _NEAR, first + _NEAR, (place.condition, _small(BLOCK_LOGS - len(rows))))
    with connection.cursor() as cursor:
        cursor.execute(*near.heads(limit=1))
        row = cursor.fetchone()
        if row is None:
            return rows
        head = Head(*row)
        cursor.execute(*near.sections(SECTIONS, [head.id]))
        _, *sections = cursor.fetchone()
    try:
        merged = rows.merged(block_of(head, tuple(sections)).rows())
    except DamagedBlockError as error:
        note_damage(place.org_id, head.id, error)
        return rows
    delete_blocks(place.org_id, [head.id])
    return merged


def _small(most: int) -> Condition:
    return Condition("count <= %s", (min(most, _WORTH_MERGING),))


def _prepare() -> None:
    """Keep out what else moves logs, and have no plan compiled: that takes longer than these statements run."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SELECT lock_moving_of_logs()")
