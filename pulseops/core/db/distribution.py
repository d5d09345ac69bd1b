"""A database on Citus: which tables lie on workers, by what the database itself says of it.

Nothing is set: `manage.py distribute` hands tables to the workers, and `pg_dist_partition` has them from then on. On a
plain PostgreSQL all of this says no and does nothing. Clients connect to the coordinator alone, so advisory locks,
LISTEN and NOTIFY, and all tables that are not distributed are there as ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from django.db import DatabaseError, OperationalError, connection, connections

_ASK_AGAIN_SECONDS = 60.0
_HAS_CITUS = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"
# A table that Citus merely knows, as a local one, has the method 'n'.
_DISTRIBUTED = "SELECT logicalrelid::regclass::text FROM pg_dist_partition WHERE partmethod = 'h'"
_answers: dict[str, tuple[frozenset[str], float]] = {}  # by database alias: the tables, and when that was asked

# Of a table, or of all partitions of it. From what VACUUM and ANALYZE noted, which is asked for without any lock: a
# worker answers by a connection of its own, and would wait for what this transaction holds.
_HELD = """
    SELECT coalesce(json_agg(json_build_array(name, pages, index_pages, logs)), '[]') FROM (
        SELECT t.relname AS name, sum(c.relpages + coalesce(o.relpages, 0) + coalesce(oi.relpages, 0)) AS pages,
            sum(coalesce(i.pages, 0)) AS index_pages, sum(greatest(c.reltuples, 0)) AS logs
        FROM pg_class t JOIN pg_dist_shard s ON s.logicalrelid = t.oid
        JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.relname || '_' || s.shardid))
        LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
        LEFT JOIN pg_index x ON x.indrelid = o.oid LEFT JOIN pg_class oi ON oi.oid = x.indexrelid
        LEFT JOIN LATERAL (
            SELECT sum(ic.relpages) AS pages FROM pg_index ix JOIN pg_class ic ON ic.oid = ix.indexrelid
            WHERE ix.indrelid = c.oid
        ) i ON true
        WHERE t.oid = '{table}'::regclass
            OR t.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass)
        GROUP BY 1
    ) held
"""
_ON_WORKERS = "SELECT success, result FROM run_command_on_workers(%s)"
_SILENT = """
    SELECT n.nodename || ':' || n.nodeport FROM pg_dist_node n
    LEFT JOIN run_command_on_workers('SELECT 1') a ON (a.nodename, a.nodeport) = (n.nodename, n.nodeport)
    WHERE n.noderole = 'primary' AND n.groupid <> 0 AND NOT (n.isactive AND coalesce(a.success, false)) ORDER BY 1
"""
_HAS_BACKGROUND = """
    SELECT current_setting('max_worker_processes')::int > (SELECT count(*) FROM pg_database WHERE datallowconn)
"""
LONGEST_INDEX_NAME = 49  # a shard's number and what REINDEX CONCURRENTLY appends end at 63
_LONG_NAMES = """
    SELECT c.relname FROM pg_dist_partition d JOIN pg_index i ON i.indrelid = d.logicalrelid
    JOIN pg_class c ON c.oid = i.indexrelid WHERE d.partmethod = 'h' AND octet_length(c.relname) > %s ORDER BY 1
"""
_BROKEN = """
    SELECT coalesce(json_agg(c.relname ORDER BY c.relname), '[]') FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace
"""
_SIZE = "SELECT pg_database_size(current_database())"
_PAGE = 8_192  # bytes


class Held(NamedTuple):
    """What workers hold of a table: bytes of it and of its indexes, and its rows; by the last VACUUM or ANALYZE."""

    table_size: int
    index_size: int
    rows: int


def distributed_tables(alias: str = "default") -> frozenset[str]:
    """Return the tables that lie on workers; asked once, and every minute as long as there are none."""
    tables, asked_at = _answers.get(alias, (frozenset[str](), float("-inf")))
    if not tables and time.monotonic() - asked_at > _ASK_AGAIN_SECONDS:
        tables = _ask(connections[alias])
        _answers[alias] = tables, time.monotonic()
    return tables


def is_distributed(table: str = "logs", alias: str = "default") -> bool:
    """Return whether a table lies on workers."""
    return table in distributed_tables(alias)


def forget_distribution() -> None:
    """Ask again which tables are distributed; after that changed."""
    _answers.clear()


def held_by_workers(table: str) -> Mapping[str, Held]:
    """Return what the workers hold of `table` and of its partitions, by name; nothing of one that is away."""
    held: dict[str, Held] = {}
    for text in ask_workers(_HELD.format(table=table)):
        for name, pages, index_pages, rows in json.loads(text):
            before = held.get(name, Held(0, 0, 0))
            more = int(pages) * _PAGE, int(index_pages) * _PAGE, int(rows)
            held[name] = Held(*(mine + theirs for mine, theirs in zip(before, more, strict=True)))
    return held


def ask_workers(statement: str) -> Sequence[str]:
    """Return what `statement`, one that gives one value, gives on each worker that answers."""
    with connection.cursor() as cursor:
        cursor.execute(_ON_WORKERS, [statement])
        return [result for is_good, result in cursor.fetchall() if is_good]


def silent_workers() -> Sequence[str]:
    """Return the workers, as HOST:PORT, that do not answer or are switched off."""
    with connection.cursor() as cursor:
        cursor.execute(_SILENT)
        return [place for (place,) in cursor.fetchall()]


def has_background_workers() -> bool:
    """Return whether the coordinator can run Citus' own process for each database; without, it recovers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS_BACKGROUND)
        return bool(cursor.fetchone()[0])


def long_index_names() -> Sequence[str]:
    """Return the indexes of distributed tables whose names are too long to tell those of their shards apart."""
    with connection.cursor() as cursor:
        cursor.execute(_LONG_NAMES, [LONGEST_INDEX_NAME])
        return [name for (name,) in cursor.fetchall()]


def broken_shard_indexes() -> Sequence[str]:
    """Return the indexes on workers whose building was interrupted, or is going on."""
    return [name for names in ask_workers(_BROKEN) for name in json.loads(names)]


def database_size() -> int:
    """Return the bytes of the database, on whichever machines it lies; of a worker that is away nothing is known."""
    with connection.cursor() as cursor:
        cursor.execute(_SIZE)
        size = int(cursor.fetchone()[0])
    return size + sum(map(int, ask_workers(_SIZE))) if distributed_tables() else size


def wait_briefly_for_locks(cursor: Any, seconds: float) -> None:
    """Let the rest of a transaction wait so long for each lock, also for those that workers ask for."""
    statements = [f"SET LOCAL lock_timeout = '{round(seconds * 1000)}ms'"]
    if distributed_tables():  # a message that sets anything else would be sent to workers whole, so not for longer
        propagate = "SET LOCAL citus.propagate_set_commands = "
        statements = [f"{propagate}'local'", *statements, f"{propagate}'none'"]
    for statement in statements:
        cursor.execute(statement)


def is_worker_away(error: BaseException | None) -> bool:
    """Return whether a statement failed since a worker did not answer, in whatever words Citus says so."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if not isinstance(cause, psycopg.Error):
        return False
    # In the middle of a transaction it is an internal error, of which only the text says what it was about.
    is_about_connection = isinstance(cause, psycopg.errors.InternalError_) and "connection" in str(cause)
    is_lost = (cause.sqlstate or "").startswith(("08", "57P0"))
    return (is_lost or is_about_connection) and _has_workers()


def _has_workers() -> bool:
    try:
        return bool(distributed_tables())
    except DatabaseError:  # it is the coordinator that is away, or the transaction has failed already
        return any(tables for tables, _ in _answers.values())


class Containment:
    """Work organisation by organisation: what fails since a worker is away fails for the organisations there alone."""

    def __init__(self) -> None:
        self._failed = 0
        self._error: DatabaseError | None = None

    @contextmanager
    def each(self) -> Iterator[None]:
        """Go on after what a worker that is away lets fail; to be entered outside of a transaction."""
        try:
            yield
        except DatabaseError as error:
            if not is_worker_away(error) or connection.in_atomic_block:
                raise
            self._failed, self._error = self._failed + 1, error

    def raise_failure(self) -> None:
        """Raise OperationalError where anything failed, so that a job is recorded as failed once all else is done."""
        if self._error is not None:
            text = f"A worker of Citus does not answer: {self._failed} steps wait for it, all others are done."
            raise OperationalError(text) from self._error


def _ask(database: Any) -> frozenset[str]:
    """Ask past Django's cursors, as row_security does: it is no part of what a page asks."""
    database.ensure_connection()
    with database.wrap_database_errors:
        if not database.connection.execute(_HAS_CITUS).fetchone()[0]:
            return frozenset()
        return frozenset(name for (name,) in database.connection.execute(_DISTRIBUTED).fetchall())
