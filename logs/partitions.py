"""The days of `logs`: which partitions there are, and the making, moving and sealing of them.

Nothing here holds ingest up for long: locks on what it writes to are asked for with a short timeout, and tried again at
the next run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db import connection, transaction
from psycopg import sql

AHEAD = 3  # days that have their partition before they begin; a log may be 24 hours ahead
DAY = timedelta(days=1)
SEALED_AFTER = timedelta(hours=6)  # behind a day's end, when hardly a late line comes any more
DEFAULT = "logs_default"
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_PARTITIONS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), obj_description(c.oid, 'pg_class'),
           pg_total_relation_size(c.oid), c.reltuples::bigint
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'logs'::regclass ORDER BY 1
"""
_UNCOUNT = """
    WITH gone AS (DELETE FROM log_counts WHERE minute >= %s AND minute < %s RETURNING count)
    SELECT coalesce(sum(count), 0) FROM gone
"""
_BOUND = re.compile(r"FOR VALUES FROM \((.*?)\) TO \((.*?)\)")
_SEALED = re.compile(r"sealed at ([0-9.]+) bytes a row")
_WORTH_WRITING_ANEW = 2.0  # times the bytes a row that a day had when it was sealed
_TOO_SMALL_TO_MATTER = 512 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its rows have `start` <= ts < `end`. Both are the extremes of datetime in the DEFAULT one.

    `sealed_bytes_a_row` is what a row took when the day was sealed, None before that.
    """

    name: str
    start: datetime
    end: datetime
    size: int  # bytes, indexes included
    rows: int  # as estimated by the last VACUUM or ANALYZE; -1 before the first
    sealed_bytes_a_row: float | None

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

    @property
    def bytes_a_row(self) -> float:
        """Bytes of table and indexes for each row that is left."""
        return self.size / max(self.rows, 1)

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)


def partitions() -> list[Partition]:
    """Return all partitions of `logs`, the oldest first and the DEFAULT one before them."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        found = [_read(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda partition: (not partition.is_default, partition.end))


def make_days_ahead(now: datetime) -> list[str]:
    """Make the partitions of today and the days to come that are missing; returns their names."""
    today = _day_of(now)
    covered = [each for each in partitions() if not each.is_default]
    days = [today + n * DAY for n in range(AHEAD + 1)]
    missing = [day for day in days if not any(each.start <= day < each.end for each in covered)]
    return [_make_day(day)[0] for day in missing]


def move_strays() -> dict[str, int]:
    """Give the logs of the DEFAULT partition days of their own; returns how many went into which."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT date_trunc('day', ts, 'UTC') FROM logs_default ORDER BY 1")
        days = [row[0] for row in cursor.fetchall()]
    return dict(_make_day(day) for day in days)


def seal_days(now: datetime) -> list[str]:
    """Make the indexes of days that are over as small as they can be; returns the names of those partitions.

    Rows arrive in the order of time, so b-trees that do not begin with it are left half empty: built anew they are a
    third smaller. Must not run in a transaction.
    """
    over = [each for each in partitions() if not each.is_default and each.end <= now - SEALED_AFTER]
    return [each.name for each in over if each.sealed_bytes_a_row is None and _seal(each)]


def drop(partition: Partition) -> int:
    """Drop a partition and what was counted of it; returns how many logs that was."""
    with _quick_locks(), connection.cursor() as cursor:
        cursor.execute(_UNCOUNT, [partition.start, partition.end])
        (logs,) = cursor.fetchone()
        cursor.execute(sql.SQL("DROP TABLE {}").format(partition.identifier))
    return int(logs)


def tidy(partition: Partition) -> bool:
    """Give space back after many of a sealed day's rows were deleted; tells whether the partition was written anew.

    Must not run in a transaction. While it is written anew, searches of that day wait; ingest does not.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(partition.identifier))
    [now] = [each for each in partitions() if each.name == partition.name]
    if now.sealed_bytes_a_row is None or now.size < _TOO_SMALL_TO_MATTER:
        return False
    if now.bytes_a_row < _WORTH_WRITING_ANEW * now.sealed_bytes_a_row:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
        try:
            cursor.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(partition.identifier))
        finally:
            cursor.execute("RESET lock_timeout")
    return True


def _read(name: str, bound: str, comment: str | None, size: int, rows: int) -> Partition:
    found, sealed = _BOUND.match(bound), _SEALED.match(comment or "")
    start, end = (_time(text) for text in found.groups()) if found else (EARLIEST, LATEST)
    return Partition(name, start, end, size, rows, float(sealed[1]) if sealed else None)


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
    with _quick_locks(), connection.cursor() as cursor:
        # Attaching takes this lock anyway; taken first, nothing can come into the DEFAULT partition in between.
        cursor.execute("LOCK TABLE logs_default IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            sql.SQL("CREATE TABLE {table} (LIKE logs INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**values)
        )
        cursor.execute(
            sql.SQL(
                "WITH moved AS (DELETE FROM logs_default WHERE ts >= {start} AND ts < {end} RETURNING *) "
                "INSERT INTO {table} SELECT * FROM moved"
            ).format(**values)
        )
        moved = cursor.rowcount
        cursor.execute(
            sql.SQL("ALTER TABLE logs ATTACH PARTITION {table} FOR VALUES FROM ({start}) TO ({end})").format(**values)
        )
    return name, moved


def _seal(partition: Partition) -> bool:
    with connection.cursor() as cursor:
        for index, is_valid in _btrees(partition):
            if is_valid:
                cursor.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(index)))
            else:  # what a run that was interrupted left behind
                cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
        cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(partition.identifier))
        [now] = [each for each in partitions() if each.name == partition.name]
        comment = f"sealed at {now.bytes_a_row:.1f} bytes a row"
        cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(partition.identifier, sql.Literal(comment)))
    return True


def _btrees(partition: Partition) -> list[tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_am am ON am.oid = c.relam WHERE i.indrelid = %s::regclass AND am.amname = 'btree'",
            [partition.name],
        )
        found: list[tuple[str, bool]] = cursor.fetchall()
    return found


@contextmanager
def _quick_locks() -> Iterator[None]:
    """A transaction that gives up rather than let ingest queue behind it, and that keeps deletions of scopes out.

    Rows that move are missed by a DELETE that began before.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'; SELECT lock_moving_of_logs()")
        yield
