"""How many sealed logs each minute has, for the proof of the counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from logs.storage.blocks.arrays import np
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import LEVELS
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.rows import block_of
from logs.storage.blocks.table import BlockRange, Head, microseconds_of, moment_of, note_damage, orgs_with_blocks

_MINUTE = 60_000_000  # µs
_AT_ONCE = 200  # blocks
_COLUMNS = ("orgs", "minutes", "services", "environments", "levels", "numbers")


def minutes_of_blocks(start: datetime, end: datetime, org_id: UUID | None) -> dict[str, list[Any]]:
    """Count the sealed logs of [start, end) by minute, place and level, as columns; of one organisation or of all.

    A damaged block counts as it says itself, in its first minute.
    """
    rows: list[tuple[Any, ...]] = []
    for org in [org_id] if org_id else orgs_with_blocks():
        blocks = BlockRange(org, start, end)
        with connection.cursor() as cursor:
            cursor.execute(*blocks.heads())
            heads = {head.id: head for head in (Head(*row) for row in cursor.fetchall())}
            ids = list(heads)
            for at in range(0, len(ids), _AT_ONCE):
                cursor.execute(*blocks.sections(("narrow",), ids[at : at + _AT_ONCE]))
                for id_, *sections in cursor.fetchall():
                    head = heads[id_]
                    place = (org, head.service_id, head.environment_id)
                    rows += [
                        (*place, *each)
                        for each in _minutes(org, head, block_of(head, tuple(sections), ("narrow",)), start, end)
                    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_COLUMNS)
    orgs, services, environments, minutes, levels, numbers = map(list, columns)
    return dict(zip(_COLUMNS, (orgs, minutes, services, environments, levels, numbers), strict=True))


def _minutes(org_id: UUID, head: Head, block: Block, start: datetime, end: datetime) -> list[tuple[datetime, str, int]]:
    try:
        wanted = (block.ts >= microseconds_of(start)) & (block.ts < microseconds_of(end))
        keys = (block.ts // _MINUTE * len(LEVELS) + block.levels)[wanted]
    except DamagedBlockError as error:
        note_damage(org_id, head.id, error)
        first = head.start_ts.replace(second=0, microsecond=0)
        return [(first, level, count) for level, count in zip(LEVELS, head.levels, strict=True) if count]
    found, numbers = np.unique(keys, return_counts=True)
    return [
        (moment_of(key // len(LEVELS) * _MINUTE), LEVELS[key % len(LEVELS)], number)
        for key, number in zip(found.tolist(), numbers.tolist(), strict=True)
    ]
