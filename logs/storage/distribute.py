"""Handing the large tables to the workers of Citus: logs, their counts and blocks, by organisation and side by side.

All other tables stay on the coordinator: they are small, and nothing joins them with logs. What is to be done is what
the catalogs say is not done yet, so a run that was killed is gone on with by the next. Today and the days to come are
first, in one transaction for which senders wait; days that are over are taken out before, and come back one by one,
each copied while no one waits. Until one is back no search finds its logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from logs.storage.partitions import DAY, EARLIEST, Partition, colocate_with_logs, partitions, quick_locks
from pulseops.core.db.distribution import LONGEST_INDEX_NAME, ask_workers, distributed_tables, forget_distribution
from pulseops.core.db.row_policies import build_wall, remove_policies
from services.queries import all_environments

TABLES = ("logs", "log_counts", "log_blocks")
SHARDS = 16
_DAY = re.compile(r"logs_(before_)?([0-9]{8})")
_HAS_CITUS = "SELECT to_regclass('pg_catalog.pg_dist_node') IS NOT NULL"
_WORKERS = "SELECT count(*) FROM pg_dist_node WHERE noderole = 'primary' AND isactive AND shouldhaveshards"
_LONG_NAMES = """
    SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = 'public'::regnamespace AND (t.relname = ANY(%s) OR t.relispartition)
        AND octet_length(c.relname) > %s ORDER BY 1
"""
_APART = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
        AND relname ~ '^logs_(before_)?[0-9]{8}$' ORDER BY 1 DESC
"""
# Of scopes that were deleted while their logs lay in a table apart, which no trigger knows.
_DELETE_ORPHANS = "DELETE FROM {table} WHERE environment_id IS NOT NULL AND environment_id <> ALL (%s)"
_MOVE = """
    WITH moved AS (DELETE FROM logs_default WHERE ts >= {first} AND ts < {end} RETURNING *)
    INSERT INTO {table} SELECT * FROM moved
"""
_ATTACH = "ALTER TABLE logs ATTACH PARTITION {table} FOR VALUES FROM ({start}) TO ({end})"
_SETTINGS = (
    ("jit", "off"),
    ("random_page_cost", "1.1"),
    ("maintenance_work_mem", "256MB"),
    ("citus.node_connection_timeout", "5s"),
)


class CannotDistributeError(Exception):
    """The database is not ready; the text says what to type."""


def refuse_unready() -> None:
    """Raise CannotDistributeError where there is no Citus, no worker, or an index whose name is too long."""
    if not _ask(_HAS_CITUS):
        raise CannotDistributeError(
            "This database has no Citus. Preload it on all nodes (shared_preload_libraries = 'citus'), and run "
            "CREATE EXTENSION citus in the database of each."
        )
    if not _ask(_WORKERS):
        raise CannotDistributeError(
            "The coordinator has no workers. Run SELECT citus_set_coordinator_host('HOST', PORT) and, for each worker, "
            "SELECT citus_add_node('HOST', PORT)."
        )
    with connection.cursor() as cursor:
        cursor.execute(_LONG_NAMES, [list(TABLES), LONGEST_INDEX_NAME])
        names = [name for (name,) in cursor.fetchall()]
    if names:
        text = f"Names of indexes have more than {LONGEST_INDEX_NAME} letters, and shards append to them: "
        raise CannotDistributeError(f"{text}{', '.join(names)}. Run ALTER INDEX … RENAME TO … for each.")


def has_workers() -> bool:
    """Return whether this database has Citus and at least one worker."""
    return bool(_ask(_HAS_CITUS)) and bool(_ask(_WORKERS))


def distribute_new_database(using: str = "default", apps: Any = None, stdout: Any = None, **_: Any) -> None:
    """Receive `post_migrate`: distribute a database that has workers and no logs yet; where it has some, say how to.

    Workers that were added since are opened to the role of the pages.
    """
    if apps is None or using != "default" or not has_workers():
        return
    if not _is_to_be_done():
        _let_pages_reach_workers()
        return
    if _ask("SELECT EXISTS (SELECT 1 FROM logs) OR EXISTS (SELECT 1 FROM log_blocks)") or _days_apart():
        if stdout is not None:
            stdout.write("This database has workers of Citus, and logs beside them: run manage.py distribute.")
        return
    refuse_unready()
    for _text, do in steps(timezone.now(), SHARDS):
        do()


def _is_to_be_done() -> bool:
    forget_distribution()
    return not distributed_tables().issuperset(TABLES) or bool(_days_apart())


def steps(now: datetime, shards: int = SHARDS) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what is to be done, as a sentence and what does it; each is one transaction."""
    forget_distribution()
    done = distributed_tables()
    old = [] if "logs" in done else _old_days(now)
    if not {"logs", "log_counts"} <= done:
        text = f"logs from today on, and log_counts, become {shards} shards; senders wait for that."
        if old:
            text += f" {len(old)} days that are over are taken out of logs until their turn."
        yield text, partial(_distribute_now, old, shards)
    if "log_blocks" not in done:
        yield "log_blocks follows, beside logs.", partial(_distribute, "log_blocks")
    for name in sorted({*_days_apart(), *(each.name for each in old)}, key=_day_of, reverse=True):
        yield f"{name} follows, and is searched again.", partial(_bring_back, name)
    yield "What was copied is removed from the coordinator; settings and rights reach the workers.", _finish


def _ask(question: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def _old_days(now: datetime) -> list[Partition]:
    """Return the partitions of days that are over and whose name says their bounds, the oldest first."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        each for each in partitions()
        if each.end <= today and _DAY.fullmatch(each.name) and _bounds(each.name) == (each.start, each.end)
    ]  # fmt: skip


def _days_apart() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_APART)
        return [name for (name,) in cursor.fetchall()]


def _day_of(name: str) -> str:
    return name[-8:]


def _bounds(name: str) -> tuple[datetime, datetime]:
    """Return the times that a day's table has, by its name."""
    match = _DAY.fullmatch(name)
    assert match
    day = datetime.strptime(match[2], "%Y%m%d").replace(tzinfo=UTC)
    return (EARLIEST, day) if match[1] else (day, day + DAY)


def _distribute_now(old: Sequence[Partition], shards: int) -> None:
    with quick_locks(), connection.cursor() as cursor:
        for partition in old:
            cursor.execute(sql.SQL("ALTER TABLE logs DETACH PARTITION {}").format(partition.identifier))
        remove_policies(cursor, "log_counts")
        if not _is_distributed("logs"):
            cursor.execute("SELECT create_distributed_table('logs', 'org_id', shard_count => %s)", [shards])
        colocate_with_logs("log_counts")
    forget_distribution()


def _distribute(table: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        colocate_with_logs(table)
    forget_distribution()


def _bring_back(name: str) -> None:
    """Distribute a day's table, and make it a partition again with what came for it meanwhile."""
    start, end = _bounds(name)
    if not _is_distributed(name):
        _distribute(name)
    values = {
        "table": sql.Identifier(name),
        "start": sql.SQL("MINVALUE") if start == EARLIEST else sql.Literal(start),
        "first": sql.Literal("-infinity" if start == EARLIEST else start),
        "end": sql.Literal(end),
    }
    with quick_locks(), connection.cursor() as cursor:
        environments = [environment for _, _, environment in all_environments()]
        cursor.execute(sql.SQL(_DELETE_ORPHANS).format(**values), [environments])
        cursor.execute("LOCK TABLE logs_default IN ACCESS EXCLUSIVE MODE")
        for statement in (_MOVE, _ATTACH):
            cursor.execute(sql.SQL(statement).format(**values))


def _is_distributed(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = %s::regclass)", [name])
        return bool(cursor.fetchone()[0])


def _finish() -> None:
    database = sql.Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SELECT truncate_local_data_after_distributing_table(%s)", [table])
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))  # a shard is new to its planner
        for name, value in _SETTINGS:
            cursor.execute(sql.SQL(f"ALTER DATABASE {{}} SET {name} = {{}}").format(database, sql.Literal(value)))
    build_wall(connection)
    _let_pages_reach_workers()


def _let_pages_reach_workers() -> None:
    """Let the role of the pages connect from the coordinator to the workers; their pg_hba.conf says who else may."""
    if settings.DATABASE_WEB_ROLE:
        role = sql.Identifier(settings.DATABASE_WEB_ROLE).as_string()
        ask_workers(f"ALTER ROLE {role} LOGIN")
