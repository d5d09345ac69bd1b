"""Deleting what is sealed: whole blocks, and from those that reach across the limit the logs before it."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from logs.storage.blocks.arrays import np
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.rows import block_of
from logs.storage.blocks.table import (
    SECTIONS,
    BlockRange,
    Head,
    Place,
    delete_blocks,
    delete_blocks_before,
    insert_block,
    microseconds_of,
    note_damage,
)


def has_blocks(place: Place, before: datetime) -> bool:
    """Return whether anything is sealed of a place that is older than `before`."""
    with connection.cursor() as cursor:
        cursor.execute(*BlockRange(place.org_id, None, before, (place.condition,)).heads(limit=1))
        return cursor.fetchone() is not None


def delete_sealed(place: Place, before: datetime) -> int:
    """Delete the sealed logs of a place that are older than `before`; returns how many. Within a transaction.

    What a damaged block across the limit holds cannot be told apart: it goes when all of it is older.
    """
    deleted = delete_blocks_before(place, before)
    across = BlockRange(place.org_id, before, before, (place.condition,))
    with connection.cursor() as cursor:
        cursor.execute(*across.heads())
        heads = [Head(*row) for row in cursor.fetchall()]
    return deleted + sum(_cut(place, head, before) for head in heads)


def _cut(place: Place, head: Head, before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(*BlockRange(place.org_id).sections(SECTIONS, [head.id]))
        _, *sections = cursor.fetchone()
    try:
        rows = block_of(head, tuple(sections)).rows()
    except DamagedBlockError as error:
        note_damage(place.org_id, head.id, error)
        return 0
    first = int(np.searchsorted(rows.ts, microseconds_of(before)))
    delete_blocks(place.org_id, [head.id])
    insert_block(place, rows.chosen(np.arange(first, len(rows))))
    return first
