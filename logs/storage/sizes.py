"""What the logs take on the disk, by PostgreSQL's own figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError

from pulseops.core.db.distribution import Held, database_size, held_by_workers, is_distributed, is_worker_away
from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within

_DAY = re.compile(r"logs_([0-9]{8})")
_FEWEST = 1_000  # rows of a day that say something of its size
_SECONDS = 3.0  # to wait for the locks of others; the query itself takes milliseconds

# `logs` itself holds rows only while it is not partitioned.
_SEALED = "SELECT coalesce(sum(count), 0)::bigint FROM log_blocks"
_PARTITIONS = """
    SELECT pg_database_size(current_database()), c.relname,
        CASE WHEN c.relname = 'log_blocks' THEN ({sealed}) ELSE greatest(c.reltuples, 0)::bigint END,
        pg_relation_size(c.oid), pg_indexes_size(c.oid),
        pg_total_relation_size(c.oid)
    FROM pg_class c
    WHERE c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'logs'::regclass)
        OR (c.oid = 'logs'::regclass AND c.relkind = 'r')
        OR c.oid = 'log_blocks'::regclass
    ORDER BY c.relname DESC
"""


@dataclass(frozen=True, slots=True)
class PartitionSize:
    """One partition of the table `logs`, or all that is sealed (`log_blocks`); rows as PostgreSQL last estimated them,
    of what is sealed exactly, sizes in bytes."""

    name: str
    rows: int
    heap: int
    indexes: int
    total: int

    @property
    def is_of_blocks(self) -> bool:
        """Whether it is all that is sealed."""
        return self.name == "log_blocks"

    def is_over(self, now: datetime) -> bool:
        """Return whether it is a partition of days whose logs are not fresh any more at `now`."""
        day = _DAY.fullmatch(self.name)
        if day is None:
            return self.name.startswith("logs_before_")
        end = datetime.strptime(day[1], "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
        return end <= now - timedelta(hours=settings.LOG_FRESH_HOURS)


@dataclass(frozen=True, slots=True)
class TableSizes:
    """The partitions, newest first, and the whole database in bytes."""

    partitions: Sequence[PartitionSize]
    database: int


def table_sizes() -> TableSizes | None:
    """Return the sizes, or None where a job that holds the table for itself keeps the query waiting.

    One query; on Citus some more, and nothing of a worker that is away.
    """
    is_on_workers = is_distributed()
    try:
        rows = fetch_within(_SECONDS, _PARTITIONS.format(sealed="SELECT 0" if is_on_workers else _SEALED), ())
    except QueryTimeoutError:
        return None
    sizes = [PartitionSize(*columns) for _, *columns in rows]
    database = rows[0][0] if rows else 0
    if is_on_workers:
        held, sealed = {**held_by_workers("logs"), **held_by_workers("log_blocks")}, _sealed_logs()
        return TableSizes([_on_workers(each, held.get(each.name), sealed) for each in sizes], database_size())
    return TableSizes(sizes, database)


def bytes_a_log() -> float | None:
    """Return what a stored log takes with its indexes, sealed or not; None where too few are known to say."""
    sizes = table_sizes()
    known = [each for each in sizes.partitions if each.rows > _FEWEST or each.is_of_blocks] if sizes else []
    rows = sum(each.rows for each in known)
    return sum(each.total for each in known) / rows if rows else None


def _on_workers(size: PartitionSize, held: Held | None, sealed: int) -> PartitionSize:
    """Return the size of a table of which there is only a shell here."""
    if held is None:
        return size
    rows = sealed if size.is_of_blocks else held.rows
    return PartitionSize(size.name, rows, held.table_size, held.index_size, held.table_size + held.index_size)


def _sealed_logs() -> int:
    try:
        return int(fetch_within(_SECONDS, _SEALED, ())[0][0])
    except DatabaseError as error:
        if not is_worker_away(error):
            raise
        return 0
