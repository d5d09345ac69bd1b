"""Building what the partitioning of an old `logs` table needs while the old software still writes to it.

Migration 0004 takes the indexes that it finds and builds the others, with the table locked. Building them ahead takes
longer, because it lets others write, but then `migrate` holds up logs for little more than reading them twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from pulseops.core.db.advisory_locks import session_lock

_PARTITIONING = Path(__file__).parent.parent / "migrations" / "0004_partition_by_day.sql"
_INDEX = re.compile(r"CREATE INDEX (logs_\w+) ON logs\s+(.*?);\n", re.DOTALL)
_KEPT = {"logs_scope_ts_idx", "logs_level_idx"}  # the documented table has these
KEY = "logs_ahead_key"

_STATE = """
SELECT c.relkind::text, c.reltuples::bigint FROM pg_class c WHERE c.oid = to_regclass('logs')
"""
_INVALID = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'logs'::regclass AND NOT i.indisvalid AND starts_with(c.relname, 'logs_ahead_')
"""


def can_be_prepared() -> bool:
    """Return whether there is a table of logs that has not been partitioned."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        row = cursor.fetchone()
    return row is not None and row[0] == "r"


def build_ahead() -> Iterator[str]:
    """Build the indexes that are missing, one after the other; yields each one's name when it stands.

    What an interrupted build has left is built again. Not for use inside a transaction. For a run that was killed the
    server goes on building for a while: this one waits until it is done with that.
    """
    with session_lock("prepare_adoption", wait_seconds=math.inf), connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(_INVALID)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
        for name, statement in _statements().items():
            cursor.execute(statement)
            yield name
        cursor.execute("RESET maintenance_work_mem")


def _statements() -> dict[str, str]:
    """What to build by name, read from the migration, so that both are the same."""
    result = {name: rest for name, rest in _INDEX.findall(_PARTITIONING.read_text()) if name not in _KEPT}
    names = {name: name.replace("logs_", "logs_ahead_", 1) for name in result}
    built = {
        names[name]: f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {names[name]} ON logs {rest}"
        for name, rest in result.items()
    }
    return {KEY: f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {KEY} ON logs (org_id, ts, id)", **built}
