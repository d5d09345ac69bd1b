"""An index of every three letters in a row, so that any part of a word is found at once, however many logs there are.

Kept row by row it would cost 40 µs a log, several times all of ingest; built in bulk over rows that are there it costs
10 µs and about 100 bytes. So it is built behind the rows: of the running day hour by hour, in partial indexes, as soon
as there are enough rows to look for; of a day that is over as one, in their place. Only what is newer is looked at line
by line. A late line goes into the index that has its time, row by row.

A search uses a partial index if its times lie within the index's (logs/search/index_bounds.py sees to that).
The organisation stands in it as well, so that a word that is common elsewhere costs no one who does not use it; and the
names of the JSON's fields, so that one that few lines have is found.
It needs the extensions pg_trgm and, for the organisation, btree_gin, which a database's owner may make; without the
first all is searched line by line, without the second everybody's words weigh on everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from psycopg import sql

from logs.search.jsonpaths import NAMES
from logs.search.text import HAYSTACK
from logs.storage.partitions import SEALED_AFTER, Partition, is_to_be_sealed, partitions, times_of
from logs.storage.sealing import note_added
from pulseops.core.db.distribution import index_bytes_on_workers, is_distributed, one_shard_at_a_time

HOUR = timedelta(hours=1)
LATE = timedelta(minutes=5)  # behind an hour's end, when nearly all of its lines have come
FEWEST_ROWS = 50_000  # so many are looked at in a few hundredths of a second, and need no index
MOST_ROWS = 4_000_000  # what is built well within the time of a job
COLUMNS = f"({HAYSTACK}) gin_trgm_ops, ({NAMES})"
# Before its columns, where it can be had: an index that holds the shortest list first skips most of the others. As a
# text, so that it is looked up only where that is asked for (logs/search/tenant_share.py).
ORG = "(org_id::text)"
_MARK = "%Y%m%d%H%M"
_NAME = re.compile(r"_parts_(?:idx|(\d{12})_(\d{12}))\Z")

_PARTS = r"""
    SELECT t.relname, c.relname, i.indisvalid AND pg_get_indexdef(i.indexrelid) LIKE '%regexp\_replace%',
        pg_get_expr(t.relpartbound, t.oid)
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_inherits p ON p.inhrelid = t.oid AND p.inhparent = 'logs'::regclass
    WHERE c.relname LIKE '%\_parts\_%'
"""
# An older one, of the message alone, answers no search: it counts as not finished, and is built anew.
# Of all organisations, so this reads all counts of the time, which are few rows a minute.
_HOURS = """
    SELECT date_trunc('hour', minute, 'UTC'), sum(count) FROM log_counts
    WHERE minute >= %s AND minute < %s GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class TrigramIndex:
    """The index of a partition's rows with `start` <= ts < `end`, or of all of them where both are None."""

    partition: str
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it has all rows of the partition."""
        return self.start is None

    @property
    def name(self) -> str:
        """The index's name, which says all of this."""
        if self.start is None or self.end is None:
            return f"{self.partition}_parts_idx"
        return f"{self.partition}_parts_{self.start:{_MARK}}_{self.end:{_MARK}}"


def built_parts() -> list[TrigramIndex]:
    """Return all indexes of parts that are finished."""
    return [part for part, is_valid in _parts() if is_valid]


def indexed_times() -> list[tuple[datetime, datetime]]:
    """Return from when to when each of the finished indexes has all rows."""
    return [
        (part.start, part.end) if part.start and part.end else times_of(bound)
        for part, is_valid, bound in _parts_and_bounds()
        if is_valid
    ]


def index_parts(now: datetime) -> str | None:
    """Build one more index, of the newest rows that are to have one at `now`; returns its name, None if all have.

    No one waits for it: it is built CONCURRENTLY, so it must not be called inside a transaction.
    """
    extensions = _extensions()
    if "pg_trgm" not in extensions:
        return None
    built = built_parts()
    for partition in sorted(partitions(), key=lambda each: each.end, reverse=True):
        if partition.is_default or partition.start > now or is_to_be_sealed(partition, now):
            continue
        mine = [part for part in built if part.partition == partition.name]
        if part := _wanted(partition, mine, now):
            _build(part, partition, by_org="btree_gin" in extensions)
            return part.name
    return None


def _wanted(partition: Partition, built: list[TrigramIndex], now: datetime) -> TrigramIndex | None:
    """Return what the partition is to have next, None if it has all.

    That is, one for all rows if it is over; of a day that is not, or has more than are built at once, so many hours.
    """
    if any(part.is_whole for part in built):
        return None
    is_over = partition.end <= now - SEALED_AFTER
    hours = _hours(partition.start, partition.end if is_over else min(partition.end, _hour_of(now - LATE)))
    if is_over and sum(hours.values()) <= MOST_ROWS:
        return TrigramIndex(partition.name)
    covered = max((part.end for part in built if part.end), default=partition.start)
    rows, start, end = 0, None, covered
    for hour, count in hours.items():
        if hour < covered:
            continue
        if rows and rows + count > MOST_ROWS:
            break
        rows, start, end = rows + count, start or hour, hour + HOUR
    return TrigramIndex(partition.name, start, end) if rows >= (1 if is_over else FEWEST_ROWS) else None


def _hours(start: datetime, end: datetime) -> dict[datetime, int]:
    """Return how many logs each hour of [start, end) has; those that have none are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, [start, end])
        return dict(cursor.fetchall())


def _build(part: TrigramIndex, partition: Partition, *, by_org: bool) -> None:
    """Build an index; it takes the place of others of its rows, and of what an interrupted build has left."""
    where = "" if part.is_whole else " WHERE ts >= {start} AND ts < {end}"
    statement = sql.SQL(f"CREATE INDEX CONCURRENTLY {{index}} ON {{table}} USING gin ({{columns}}){where}")
    columns = sql.SQL(f"{ORG}, {COLUMNS}" if by_org else COLUMNS)
    names = {"index": sql.Identifier(part.name), "table": partition.identifier, "columns": columns}
    others = [(each, is_valid) for each, is_valid in _parts() if each.partition == part.partition]
    with one_shard_at_a_time(), connection.cursor() as cursor:
        _drop(each for each, is_valid in others if not is_valid)
        cursor.execute("SET maintenance_work_mem = '256MB'")
        try:
            cursor.execute(statement.format(**names, start=sql.Literal(part.start), end=sql.Literal(part.end)))
        finally:
            cursor.execute("RESET maintenance_work_mem")
        # Not of the message alone: without the newest times the planner takes hours that are new to it for empty.
        cursor.execute(sql.SQL("ANALYZE {}").format(partition.identifier))
        replaced = [each for each, is_valid in others if is_valid and part.is_whole]
        note_added(partition, _size([part]) - _size(replaced))
        _drop(replaced)


def _drop(parts: Iterable[TrigramIndex]) -> None:
    for part in parts:
        with connection.cursor() as cursor:
            # IF EXISTS is for the shards: a build that was interrupted has left some of them without it.
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(part.name)))


def _size(parts: Iterable[TrigramIndex]) -> int:
    names = [part.name for part in parts]
    if is_distributed():
        return index_bytes_on_workers(names)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(pg_relation_size(name::regclass)) FROM unnest(%s::text[]) name", [names])
        return int(cursor.fetchone()[0] or 0)


def _parts() -> list[tuple[TrigramIndex, bool]]:
    """Return all indexes of parts, and whether each is finished."""
    return [(part, is_valid) for part, is_valid, _ in _parts_and_bounds()]


def _parts_and_bounds() -> list[tuple[TrigramIndex, bool, str]]:
    """Return the same, and the bounds of each one's partition."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTS)
        found = [(partition, _NAME.search(name), *others) for partition, name, *others in cursor.fetchall()]
    return [
        (TrigramIndex(partition, *map(_moment, name.groups())), is_valid, bound)
        for partition, name, is_valid, bound in found
        if name
    ]


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _moment(mark: str | None) -> datetime | None:
    return datetime.strptime(mark, _MARK).replace(tzinfo=UTC) if mark else None


def _extensions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        return {name for (name,) in cursor.fetchall()}
