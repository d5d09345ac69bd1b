"""What the logs take on the disk, by PostgreSQL's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within

_SECONDS = 3.0  # to wait for the locks of others; the query itself takes milliseconds

# `logs` itself holds rows only while it is not partitioned.
_PARTITIONS = """
    SELECT pg_database_size(current_database()), c.relname, greatest(c.reltuples, 0)::bigint,
        pg_relation_size(c.oid), pg_indexes_size(c.oid),
        pg_total_relation_size(c.oid)
    FROM pg_class c
    WHERE c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'logs'::regclass)
        OR (c.oid = 'logs'::regclass AND c.relkind = 'r')
    ORDER BY c.relname DESC
"""


@dataclass(frozen=True, slots=True)
class PartitionSize:
    """One partition of the table `logs`; rows as PostgreSQL last estimated them, sizes in bytes."""

    name: str
    rows: int
    heap: int
    indexes: int
    total: int


@dataclass(frozen=True, slots=True)
class TableSizes:
    """The partitions, newest first, and the whole database in bytes."""

    partitions: Sequence[PartitionSize]
    database: int


def table_sizes() -> TableSizes | None:
    """Return the sizes, or None where a job that holds the table for itself keeps the query waiting; one query."""
    try:
        rows = fetch_within(_SECONDS, _PARTITIONS, ())
    except QueryTimeoutError:
        return None
    return TableSizes([PartitionSize(*columns) for _, *columns in rows], rows[0][0] if rows else 0)
