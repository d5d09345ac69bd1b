"""Keeping the days that are over small: their indexes are built anew once, and again after many rows were deleted.

What a row took when its day was sealed stands in a comment on the table, which a dump takes along.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

import psycopg
from django.db import connection
from django.db.utils import OperationalError
from psycopg import sql

from logs.storage.partitions import SEALED_AFTER, Partition, is_to_be_sealed, partitions
from pulseops.core.db.distribution import one_shard_at_a_time

log = logging.getLogger(__name__)

_WORTH_WRITING_ANEW = 1.5  # times the bytes a row that a day had when it was sealed
_TOO_SMALL_TO_MATTER = 512 * 1024  # bytes
_INDEXES = """
    SELECT c.relname, i.indisvalid, am.amname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am am ON am.oid = c.relam WHERE i.indrelid = %s::regclass
"""


def seal_days(now: datetime) -> list[str]:
    """Make the indexes of days that are over as small as they can be; returns the names of those partitions.

    Rows arrive in the order of time, so b-trees that do not begin with it are left half empty: built anew they are a
    third smaller. Must not run in a transaction.
    """
    over = [each for each in partitions() if not each.is_default and each.end <= now - SEALED_AFTER]
    return [each.name for each in over if each.sealed is None and not is_to_be_sealed(each, now) and _seal(each)]


def vacuum(partition: Partition) -> None:
    """Give back what can be given back at once, and estimate anew how many rows are left. Not in a transaction."""
    _run("VACUUM (ANALYZE) {}", partition)


def tidy(partition: Partition) -> bool:
    """Give space back after many of a sealed day's rows were deleted; returns whether anything was written anew.

    A table with much room between its rows is written anew as a whole: searches of that day wait meanwhile, ingest does
    not. Where the rows that went lay at the end, VACUUM has cut the table short and only the indexes are too large:
    they are built anew beside, and no one waits. Must not run in a transaction. When the table is in use it is left for
    the next time.
    """
    sealed = partition.sealed
    if sealed is None or partition.size < _TOO_SMALL_TO_MATTER:
        return False
    indexes, whole = partition.index_bytes_a_row, partition.bytes_a_row
    if sealed.index_bytes is None:
        is_loose, are_indexes_loose = whole >= _WORTH_WRITING_ANEW * sealed.bytes, False
    else:
        is_loose = whole - indexes >= _WORTH_WRITING_ANEW * (sealed.bytes - sealed.index_bytes)
        are_indexes_loose = indexes >= _WORTH_WRITING_ANEW * sealed.index_bytes
    if is_loose:
        return _write_anew(partition)
    if are_indexes_loose:
        _reindex(partition, _indexes(partition))
    return are_indexes_loose


def note_added(partition: Partition, index_bytes: int) -> None:
    """Note that a sealed day has got one more index of so many bytes."""
    if partition.sealed and partition.sealed.index_bytes is not None:
        added = index_bytes / max(partition.rows, 1)
        _note(partition, partition.sealed.bytes + added, partition.sealed.index_bytes + added)


def _seal(partition: Partition) -> bool:
    _reindex(partition, _indexes(partition, method="btree"))
    vacuum(partition)
    [now] = [each for each in partitions() if each.name == partition.name]
    _note(now, now.bytes_a_row, now.index_bytes_a_row)
    return True


def _note(partition: Partition, bytes_a_row: float, index_bytes_a_row: float) -> None:
    comment = f"sealed at {bytes_a_row:.1f} bytes a row, {index_bytes_a_row:.1f} of them in indexes"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(partition.identifier, sql.Literal(comment)))


def _write_anew(partition: Partition) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
        try:
            _run("VACUUM (FULL, ANALYZE) {}", partition)
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            log.info("%s is in use: it is written anew another time", partition.name)
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    return True


def _reindex(partition: Partition, indexes: Iterable[tuple[str, bool]]) -> None:
    with one_shard_at_a_time(), connection.cursor() as cursor:
        for index, is_valid in indexes:
            # One that is not valid is what a run that was interrupted left behind, of shards perhaps not on all.
            statement = "REINDEX INDEX CONCURRENTLY {}" if is_valid else "DROP INDEX IF EXISTS {}"
            cursor.execute(sql.SQL(statement).format(sql.Identifier(index)))


def _indexes(partition: Partition, *, method: str = "") -> list[tuple[str, bool]]:
    """Return the names of a partition's indexes, of one access method if it is named, and whether each is valid."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, [partition.name])
        return [(name, is_valid) for name, is_valid, its_method in cursor.fetchall() if method in ("", its_method)]


def _run(statement: str, partition: Partition) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(partition.identifier))
