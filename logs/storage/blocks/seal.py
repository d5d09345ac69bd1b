"""Sealing: what is over goes from `logs` into blocks, some logs of one environment in each transaction.

The transaction deletes the rows and inserts the block, so whatever ends it, each log is in one of the two places, and
the next run goes on with what it finds. A late log becomes part of a small block, which the next small one takes in.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from logs.search.conditions import Condition
from logs.storage.blocks.codec import Rows
from logs.storage.blocks.packing import DamagedBlockError, TooLargeError
from logs.storage.blocks.rows import BLOCK_LOGS, EARLIEST, Chunk, Stretch, block_of, next_chunk, parts, take
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
from services.queries import all_environments

log = logging.getLogger(__name__)

_NEAR = timedelta(days=7)  # between logs of one block
_WORTH_MERGING = BLOCK_LOGS // 2  # logs of a block that others are put to
_SHARE = 0.5  # of the time that a run works: the rest is for others


@dataclass(slots=True)
class Sealed:
    """What a run did: logs and the blocks that they became, and which partitions it could drop afterwards."""

    logs: int = 0
    blocks: int = 0
    failed: int = 0  # environments whose logs could not be sealed
    dropped: list[str] = field(default_factory=list)


def seal(now: datetime, *, seconds: float, pause: Callable[[float], None] = time.sleep) -> Sealed:
    """Seal logs that are over at `now`, for about `seconds`; half of that it waits, so that others have the machine."""
    sealed, until = Sealed(), time.monotonic() + seconds
    places = [Place(*ids) for ids in all_environments()]
    random.shuffle(places)  # so that none waits behind the same large one at every run
    for place in places:
        try:
            is_done = _seal_place(place, now, until, sealed, pause)
        except Exception:  # what fails for one fails for that one alone
            if not connection.is_usable():
                raise
            log.exception("logs could not be sealed", extra={"org_id": str(place.org_id)})
            sealed.failed += 1
            continue
        if not is_done:
            return sealed
    sealed.dropped = drop_emptied(now)
    return sealed


def _seal_place(place: Place, now: datetime, until: float, sealed: Sealed, pause: Callable[[float], None]) -> bool:
    """Seal what a place has to seal; returns whether that was done before the monotonic clock reached `until`."""
    for chunk in chunks(place, now):
        if time.monotonic() >= until:
            return False
        began = time.monotonic()
        logs, blocks = seal_chunk(chunk)
        sealed.logs, sealed.blocks = sealed.logs + logs, sealed.blocks + blocks
        pause((time.monotonic() - began) * (1 - _SHARE) / _SHARE)
    return True


def fresh_from(now: datetime) -> datetime:
    """Return the time from which on logs stay rows."""
    return now - timedelta(hours=settings.LOG_FRESH_HOURS)


def chunks(place: Place, now: datetime) -> Iterable[Chunk]:
    """Yield what a place has to seal, the oldest first, each when the one before has been sealed.

    Where less than a block is left, it waits until its day (UTC) is over as well.
    """
    fresh = fresh_from(now)
    over = fresh.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    stretch = Stretch(place, EARLIEST, fresh, fresh)
    while chunk := _next(stretch):
        if not chunk.is_full and chunk.ts >= over:
            stretch = replace(stretch, end=over)  # what is left of the days before
            if stretch.start >= over or not (chunk := _next(stretch)):
                return
        yield chunk
        stretch = replace(stretch, start=chunk.ts, after=chunk.id)


def seal_chunk(chunk: Chunk) -> tuple[int, int]:
    """Seal a chunk; returns how many logs became how many blocks. What no block can hold stays as it is."""
    try:
        return _seal(chunk)
    except (TooLargeError, RecursionError):  # the latter of JSON that is some hundreds deep
        if chunk.logs == 1:
            log.warning(
                "a log is too large for a block and stays a row", extra={"org_id": str(chunk.stretch.place.org_id)}
            )
            return 0, 0
    logs = blocks = 0
    stretch = replace(chunk.stretch, end=chunk.ts + timedelta(microseconds=1))
    while half := _next(stretch, max(chunk.logs // 2, 1)):
        done = seal_chunk(half)
        logs, blocks = logs + done[0], blocks + done[1]
        stretch = replace(stretch, start=half.ts, after=half.id)
    return logs, blocks


def drop_emptied(now: datetime) -> list[str]:
    """Drop partitions of days that are over and have no rows left; returns their names."""
    over = [each for each in partitions() if not each.is_default and each.end <= fresh_from(now)]
    return [each.name for each in over if drop_if_empty(each)]


def _next(stretch: Stretch, most: int = BLOCK_LOGS) -> Chunk | None:
    with transaction.atomic():
        _plan_simply()
        return next_chunk(stretch, most)


def _seal(chunk: Chunk) -> tuple[int, int]:
    place = chunk.stretch.place
    with transaction.atomic():
        _plan_simply()
        with connection.cursor() as cursor:
            cursor.execute("SELECT lock_moving_of_logs()")
        rows = take(chunk)
        if rows is None:
            return 0, 0
        logs = len(rows)
        if logs < _WORTH_MERGING:
            rows = _with_neighbour(place, rows)
        blocks = list(parts(rows, BLOCK_LOGS))
        for block in blocks:
            insert_block(place, block)
    return logs, len(blocks)


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


def _plan_simply() -> None:
    """Have no plan compiled: that takes longer than these statements run."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")
