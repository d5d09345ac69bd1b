"""The way back: blocks become rows again, each in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.rows import block_of, write_back
from logs.storage.blocks.table import SECTIONS, BlockRange, Head, Place, delete_blocks, note_damage, orgs_with_blocks
from logs.storage.partitions import make_days


@dataclass(slots=True)
class Unsealed:
    """What became rows again, and how many blocks are damaged and stay."""

    logs: int = 0
    blocks: int = 0
    damaged: int = 0


def unseal(start: datetime, end: datetime) -> Unsealed:
    """Write every block that reaches into [start, end) back into `logs`, all of its logs."""
    done = Unsealed()
    for org_id in orgs_with_blocks():
        blocks = BlockRange(org_id, start, end)
        with connection.cursor() as cursor:
            cursor.execute(*blocks.heads())
            heads = [Head(*row) for row in cursor.fetchall()]
        for head in heads:
            make_days(head.start_ts, head.end_ts)
            _write_back(blocks, head, done)
    return done


def _write_back(blocks: BlockRange, head: Head, done: Unsealed) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        cursor.execute(*blocks.sections(SECTIONS, [head.id]))
        row = cursor.fetchone()
        if row is None:
            return
        try:
            rows = block_of(head, tuple(row[1:])).rows()
        except DamagedBlockError as error:
            note_damage(blocks.org_id, head.id, error)
            done.damaged += 1
            return
        write_back(Place(blocks.org_id, head.service_id, head.environment_id), rows)
        delete_blocks(blocks.org_id, [head.id])
    done.logs, done.blocks = done.logs + len(rows), done.blocks + 1
