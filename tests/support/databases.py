"""Databases of a test's own, beside pytest-django's: to build what others left behind, and migrate it."""

from __future__ import annotations

import copy
import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

ROOT = Path(__file__).resolve().parents[2]
Catalog = dict[str, list[tuple[object, ...]]]
# The order in which the documented tables refer to each other.
APPS = ("pulseops/core", "accounts", "services", "logs", "deployments", "incidents", "alerts", "notifications")


def drop(cursor: Any, name: str) -> None:
    """Drop a database and end its sessions, those alone that its owner may end: FORCE also asks for autovacuum's.

    The server ends that one by itself, and waits some seconds for it.
    """
    cursor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'",
        [name],
    )
    cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')


@contextmanager
def scratch_database(name: str = "") -> Iterator[BaseDatabaseWrapper]:
    """Give a connection to an empty database, gone afterwards. The caller has unblocked database access."""
    name = name or f"scratch_{uuid4().hex[:12]}"
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]  # not in the stubs
        drop(cursor, name)
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    connections.databases[name] = {**copy.deepcopy(connection.settings_dict), "NAME": name}
    try:
        yield connections[name]
    finally:
        connections[name].close()
        del connections[name]
        del connections.databases[name]
        with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
            drop(cursor, name)


def migrated_template() -> str:
    """Return the name of a database that every migration has run on, to copy; the first who asks makes it.

    It is kept for the next run, as long as nothing changed that migrations read, and the day, whose partitions it has.
    """
    name = f"migrated_{_digest_of_migrations()}"
    Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
    with Path(settings.DATA_DIR, "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'migrated\\_%'")
            kept = {row[0] for row in cursor.fetchall()}
            if name in kept:
                return name
            for old in kept:
                cursor.execute(f'DROP DATABASE IF EXISTS "{old}"')
        with scratch_database("migrating") as database:
            migrate(database)
            database.close()
            with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(f'ALTER DATABASE "migrating" RENAME TO "{name}"')
    return name


def _digest_of_migrations() -> str:
    digest = hashlib.sha256(f"{timezone.now():%Y-%m-%d}".encode())
    apps = [ROOT / app for app in APPS]
    files = [path for app in apps for path in (app / "migrations").rglob("*") if path.suffix in {".py", ".sql"}]
    files += [path for app in apps for path in (app / "row_policies.py", *app.glob("storage/*")) if path.is_file()]
    files += [
        path for folder in ("db", "adoption", "management") for path in (ROOT / "pulseops/core" / folder).rglob("*.py")
    ]
    for path in sorted([*files, ROOT / "requirements.txt"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def documented_tables() -> str:
    """Return the SQL that makes the tables of docs/schema.md: the same files that the baseline migrations run."""
    return "\n".join((ROOT / app / "migrations" / "0001_baseline.sql").read_text() for app in APPS)


def migrate(database: BaseDatabaseWrapper) -> None:
    """Run every migration on `database`."""
    call_command("migrate", database=database.alias, verbosity=0, interactive=False)


def rows(database: BaseDatabaseWrapper, sql: str) -> list[tuple[object, ...]]:
    """Return what `sql` selects."""
    with database.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def catalog(database: BaseDatabaseWrapper) -> Catalog:
    """Return columns, constraints, indexes, triggers and policies of the public schema, in an order of their own.

    Partitions are left out: which there are is a matter of dates.
    """
    columns = rows(
        database,
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
        "pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2",
    )
    constraints = rows(
        database,
        "SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND contype <> 'n' "
        "AND NOT (SELECT relispartition FROM pg_class WHERE oid = conrelid) ORDER BY 1, 2, 3",
    )
    indexes = rows(
        database,
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "AND NOT (SELECT relispartition FROM pg_class WHERE oid = tablename::regclass) ORDER BY 1, 2",
    )
    triggers = rows(
        database,
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE NOT tgisinternal AND (SELECT relnamespace FROM pg_class c WHERE c.oid = tgrelid) = "
        "'public'::regnamespace ORDER BY 1, 2",  # Citus has some on its own tables
    )
    policies = rows(
        database,
        "SELECT c.relname, c.relrowsecurity, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid), "
        "pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND (c.relrowsecurity OR p.oid IS NOT NULL) ORDER BY 1, 3",
    )
    found = {"columns": columns, "constraints": constraints, "indexes": indexes, "triggers": triggers}
    return {**found, "policies": policies}
