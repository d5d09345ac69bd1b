"""What the logs take on the disk, and whether it will last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pulseops.core.db.statement_timeout import QueryTimeoutError, fetch_within
from pulseops.diagnostics.intake import Sender
from pulseops.pages.banners import Disk, data_disk

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
class Partition:
    """One part of the table `logs`; rows as PostgreSQL last estimated them, sizes in bytes."""

    name: str
    rows: int
    heap: int
    indexes: int
    total: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the logs' size goes if they come as they did in the last 24 hours; bytes, and days until the disk is full.

    `settles_at` is their size once retention takes away as much as comes. `days_left` is None when that fits.
    """

    daily: float
    settles_at: float
    days_left: float | None


@dataclass(frozen=True, slots=True)
class Storage:
    """The partitions, newest first, the whole database in bytes, and the disk as far as it can be seen."""

    partitions: Sequence[Partition]
    database: int
    disk: Disk | None
    forecast: Forecast | None

    @property
    def logs(self) -> int:
        """What the logs take, in bytes."""
        return sum(each.total for each in self.partitions)

    @property
    def rows(self) -> int:
        """How many logs there are, by PostgreSQL's estimate."""
        return sum(each.rows for each in self.partitions)


def storage(senders: Sequence[Sender]) -> Storage | None:
    """Look at the whole installation's storage, given all who send to it; one query.

    Returns None where a job that holds the table for itself keeps it waiting.
    """
    try:
        rows = fetch_within(_SECONDS, _PARTITIONS, ())
    except QueryTimeoutError:
        return None
    partitions = [Partition(*columns) for _, *columns in rows]
    found = Storage(partitions, rows[0][0] if rows else 0, data_disk(), None)
    day, kept = sum(each.day for each in senders), sum(each.kept for each in senders)
    if not found.rows or not day:
        return found
    free = found.disk.free if found.disk else None
    return replace(found, forecast=predict(size=found.logs, rows=found.rows, day=day, kept=kept, free=free))


def predict(*, size: int, rows: int, day: int, kept: int, free: int | None) -> Forecast:
    """Tell how the logs grow: `size` bytes for `rows` logs now, `day` more a day, `kept` of them in the long run.

    The mean size of a log is taken from what is stored. `free` bytes of disk, None where that cannot be seen.
    """
    each = size / rows
    daily, settles_at = day * each, kept * each
    is_short = free is not None and settles_at - size > free
    return Forecast(daily, settles_at, free / daily if is_short and free is not None else None)
