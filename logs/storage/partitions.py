"""The days of `logs`: which partitions there are, making and dropping them.

Nothing here holds ingest up for long: locks on what it writes to are asked for with a short timeout, and tried again at
the next run.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg import sql

from pulseops.core.db.distribution import held_by_workers, is_distributed, wait_briefly_for_locks

log = logging.getLogger(__name__)

AHEAD = 3  # days that have their partition before they begin; a log may be 24 hours ahead
DAY = timedelta(days=1)
DEFAULT = "logs_default"
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_PATIENCE, _IN_PASSING = 2.0, 0.3  # seconds for which a lock is asked for

_PARTITIONS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), c.reltuples::bigint
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'logs'::regclass ORDER BY 1
"""
_UNCOUNT = """
    WITH gone AS (DELETE FROM log_counts WHERE minute >= %s AND minute < %s RETURNING count)
    SELECT coalesce(sum(count), 0) FROM gone
"""
_LIKE = "CREATE TABLE {table} (LIKE logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STATISTICS)"
# Those of the parent that a new partition is given before it is attached, which adopts them; its key comes by itself.
_INDEXES = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'logs'::regclass AND NOT i.indisprimary ORDER BY 1
"""
_BOUND = re.compile(r"FOR VALUES FROM \((.*?)\) TO \((.*?)\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its rows have `start` <= ts < `end`. Both are the extremes of datetime in the DEFAULT one."""

    name: str
    start: datetime
    end: datetime
    rows: int  # as estimated by the last VACUUM or ANALYZE; -1 before the first

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)


def partitions() -> list[Partition]:
    """Return all partitions of `logs`, the oldest first and the DEFAULT one before them."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        rows = [_read(*row) for row in cursor.fetchall()]
    if is_distributed():  # here are shells without a row
        held = held_by_workers("logs")
        rows = [replace(each, rows=held[each.name].rows) if each.name in held else each for each in rows]
    return sorted(rows, key=lambda partition: (not partition.is_default, partition.end))


def make_days_ahead(now: datetime) -> list[str]:
    """Make the partitions of today and the days to come that are missing; returns their names."""
    today = _day_of(now)
    covered = [each for each in partitions() if not each.is_default]
    days = [today + n * DAY for n in range(AHEAD + 1)]
    missing = [day for day in days if not any(each.start <= day < each.end for each in covered)]
    return [_make_day(day)[0] for day in missing]


def make_days(start: datetime, end: datetime) -> None:
    """Make the partitions that are missing of the days from `start` to `end`, for rows that are written back."""
    covered = [each for each in partitions() if not each.is_default]
    day = _day_of(start)
    while day <= end:
        if not any(each.start <= day < each.end for each in covered):
            _make_day(day)
        day += DAY


def move_strays() -> dict[str, int]:
    """Give the logs of the DEFAULT partition days of their own; returns how many went into which."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT date_trunc('day', ts, 'UTC') FROM logs_default ORDER BY 1")
        days = [row[0] for row in cursor.fetchall()]
    return dict(_make_day(day) for day in days)


def drop(partition: Partition) -> int:
    """Drop a partition and what was counted of it; returns how many logs that was."""
    with quick_locks(), connection.cursor() as cursor:
        cursor.execute(_UNCOUNT, [partition.start, partition.end])
        (logs,) = cursor.fetchone()
        cursor.execute(sql.SQL("DROP TABLE {}").format(partition.identifier))
    return int(logs)


def drop_if_empty(partition: Partition) -> bool:
    """Drop a partition that has no rows, as when all of them were sealed; returns whether it could be dropped.

    Others wait behind who asks for such a lock, also who writes logs: it is not asked for long.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(partition.identifier))
        if cursor.fetchone()[0]:
            return False
    try:
        with quick_locks(_IN_PASSING), connection.cursor() as cursor:
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(partition.identifier))
            cursor.execute(sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(partition.identifier))
            is_empty = not cursor.fetchone()[0]
            if is_empty:
                cursor.execute(sql.SQL("DROP TABLE {}").format(partition.identifier))
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        log.info("%s is in use: it is dropped another time", partition.name)
        return False
    return is_empty


def _read(name: str, bound: str, rows: int) -> Partition:
    result = _BOUND.match(bound)
    start, end = (_time(text) for text in result.groups()) if result else (EARLIEST, LATEST)
    return Partition(name, start, end, rows)


def _time(bound: str) -> datetime:
    match bound:
        case "MINVALUE":
            return EARLIEST
        case "MAXVALUE":
            return LATEST
    return datetime.fromisoformat(bound.strip("'")).astimezone(UTC)


def _day_of(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), tzinfo=UTC)


def _make_day(day: datetime) -> tuple[str, int]:
    """Make the partition of a day and move there what the DEFAULT one has of it; returns its name and how many rows."""
    name = f"logs_{day:%Y%m%d}"
    values = {"table": sql.Identifier(name), "start": sql.Literal(day), "end": sql.Literal(day + DAY)}
    with quick_locks(), connection.cursor() as cursor:
        # Attaching takes this lock anyway; taken first, nothing can come into the DEFAULT partition in between.
        cursor.execute("LOCK TABLE logs_default IN ACCESS EXCLUSIVE MODE")
        cursor.execute(sql.SQL(_LIKE).format(**values))
        if is_distributed():  # before rows move there: they would stay here beside those on the workers
            colocate_with_logs(name)
        cursor.execute(
            sql.SQL(
                "WITH moved AS (DELETE FROM logs_default WHERE ts >= {start} AND ts < {end} RETURNING *) "
                "INSERT INTO {table} SELECT * FROM moved"
            ).format(**values)
        )
        moved = cursor.rowcount
        _make_indexes(name)
        cursor.execute(
            sql.SQL("ALTER TABLE logs ATTACH PARTITION {table} FOR VALUES FROM ({start}) TO ({end})").format(**values)
        )
    return name, moved


def colocate_with_logs(table: str) -> None:
    """Hand a table to Citus, each organisation's rows to where its logs are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT create_distributed_table(%s, 'org_id', colocate_with => 'logs')", [table])


def _make_indexes(partition: str) -> None:
    """Give a table that is to be a partition the indexes of `logs`, under short names.

    PostgreSQL would name them by their columns, up to 63 letters, and what adds to a name (REINDEX CONCURRENTLY, the
    shards of Citus) would cut it short: at 49 letters there is room for both.
    """
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        for name, definition in cursor.fetchall():
            statement = sql.SQL("CREATE INDEX {} ON {} USING {}").format(
                sql.Identifier(name.replace("logs", partition, 1)),
                sql.Identifier(partition),
                sql.SQL(definition.partition(" USING ")[2]),
            )
            cursor.execute(statement)


@contextmanager
def quick_locks(patience: float = _PATIENCE) -> Iterator[None]:
    """A transaction that gives up rather than let ingest queue behind it, and that keeps deletions of scopes out.

    Rows that move are missed by a DELETE that began before.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        wait_briefly_for_locks(cursor, patience)
        cursor.execute("SELECT lock_moving_of_logs()")
        yield
