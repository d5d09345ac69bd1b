"""An index of every three letters in a row for the days that are over, so that any part of a word is found at once.

Built in bulk behind a finished day it costs 10 µs and about 100 bytes a row; kept row by row on the day that is being
written it would cost 40 µs, more than all of ingest. So the newest day is searched by looking at its rows.
It needs the extension pg_trgm, which a database's owner may make; without it all days are searched like the newest.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from psycopg import sql

from logs.partitions import SEALED_AFTER, Partition, partitions
from logs.sealing import note_added

_SUFFIX = "_parts_idx"
_MOST_ROWS = 4_000_000  # what is built well within the time of a job; a larger partition goes without
_BUILT = """
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indisvalid AND c.relname = ANY(%s)
"""


def index_parts(now: datetime) -> str | None:
    """Build the index for the newest day that was over at `now` and has none; returns the partition, None if all have.

    Nobody waits for it: it is built CONCURRENTLY, so it must not be called inside a transaction.
    """
    waiting = _waiting(now) if _has_trigrams() else []
    if not waiting:
        return None
    _build(waiting[-1])
    return waiting[-1].name


def _has_trigrams() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')")
        return bool(cursor.fetchone()[0])


def _waiting(now: datetime) -> list[Partition]:
    over = [
        each for each in partitions()
        if not each.is_default and each.end <= now - SEALED_AFTER and each.rows <= _MOST_ROWS
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_BUILT, [[each.name + _SUFFIX for each in over]])
        built = {name for (name,) in cursor.fetchall()}
    return [each for each in over if each.name + _SUFFIX not in built]


def _build(partition: Partition) -> None:
    index = sql.Identifier(partition.name + _SUFFIX)
    with connection.cursor() as cursor:
        # One whose making was interrupted stays behind, and is not valid.
        cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(index))
        cursor.execute("SET maintenance_work_mem = '256MB'")
        try:
            cursor.execute(
                sql.SQL("CREATE INDEX CONCURRENTLY {} ON {} USING gin (lower(message) gin_trgm_ops)").format(
                    index, partition.identifier
                )
            )
        finally:
            cursor.execute("RESET maintenance_work_mem")
        cursor.execute(sql.SQL("ANALYZE {} (message)").format(partition.identifier))
        cursor.execute("SELECT pg_relation_size(%s::regclass)", [partition.name + _SUFFIX])
        note_added(partition, cursor.fetchone()[0])
