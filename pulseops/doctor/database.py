"""What the doctor sees of settings and database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from logs.storage.orphans import orphans
from pulseops.core.db.cluster_checks import SILENT
from pulseops.core.db.distribution import distributed_tables, silent_workers
from pulseops.core.ui.times import duration
from pulseops.doctor.findings import Finding, Level, ok

SUBJECT = "Database"
CLOCK_WARNING, CLOCK_PROBLEM = timedelta(seconds=2), timedelta(minutes=1)
_LONG_TRANSACTION = timedelta(minutes=10)
_SESSIONS = """
SELECT count(*), max(now() - xact_start) FILTER (WHERE state LIKE 'idle in transaction%%')
FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
"""
_BROKEN_INDEXES = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace ORDER BY 1 LIMIT 20
"""


def settings_in_use() -> Iterator[Finding]:
    """The system checks that need no database."""
    yield from _of_checks(checks.run_checks(), "Settings", "All settings can be used.")


def settings_of_server() -> Iterator[Finding]:
    """The system checks of the database: its server's settings, its roles, its secrets."""
    messages = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    messages = [each for each in messages if each.id != SILENT]  # which `workers` says
    yield from _of_checks(messages, "Database server", "Its settings suit PulseOps.")


def _of_checks(messages: list[CheckMessage], subject: str, well: str) -> Iterator[Finding]:
    loud = [each for each in messages if each.level >= checks.WARNING and not each.is_silenced()]
    for each in loud:
        level = Level.PROBLEM if each.level >= checks.ERROR else Level.WARNING
        yield Finding(level, subject, f"{each.msg} ({each.id})", each.hint or "")
    if not loud:
        yield ok(subject, well)


def server() -> Iterator[Finding]:
    """Whether it answers, how soon, and which it is."""
    try:
        connection.ensure_connection()
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version')")
            (version,) = cursor.fetchone()
    except DatabaseError as error:
        advice = "Start it, or correct DATABASE_URL."
        yield Finding(Level.PROBLEM, SUBJECT, f"It does not answer: {error}".strip(), advice)
        return
    milliseconds = (time.perf_counter() - started) * 1000
    yield ok(SUBJECT, f"PostgreSQL {version} answers in {milliseconds:.1f} ms.")


def migrations() -> Iterator[Finding]:
    """Whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        names = ", ".join(str(migration) for migration, _ in pending[:3])
        text = f"{len(pending)} pending: {names}{' …' if len(pending) > 3 else ''}."
        yield Finding(Level.PROBLEM, "Migrations", text, "Run manage.py migrate (manage.py up does).")
    else:
        yield ok("Migrations", "All are applied.")


def clock() -> Iterator[Finding]:
    """Whether this machine and the database agree about the time: logs are judged by both."""
    before = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    after = datetime.now(UTC)
    apart = max(before - theirs, theirs - after, timedelta(0))
    if apart < CLOCK_WARNING:
        yield ok("Clock", "This machine and the database agree.")
        return
    level = Level.PROBLEM if apart >= CLOCK_PROBLEM else Level.WARNING
    text = f"This machine and the database are {duration(apart.total_seconds())} apart."
    yield Finding(level, "Clock", text, "Let NTP set the clocks of both machines.")


def sessions() -> Iterator[Finding]:
    """How many connections are in use, and whether a forgotten transaction keeps old rows from being cleared."""
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS)
        count, oldest = cursor.fetchone()
        cursor.execute("SELECT current_setting('max_connections')::int")
        (most,) = cursor.fetchone()
    if oldest and oldest > _LONG_TRANSACTION:
        text = f"A transaction has been open and idle for {duration(oldest.total_seconds())}."
        yield Finding(
            Level.WARNING, "Sessions", text, "End it by pg_terminate_backend; pg_stat_activity says whose it is."
        )
    if count > 0.9 * most:
        text = f"{count} of {most} connections are in use."
        yield Finding(Level.WARNING, "Sessions", text, "Raise max_connections, or lower WEB_WORKERS or WEB_THREADS.")
    if count <= 0.9 * most and not (oldest and oldest > _LONG_TRANSACTION):
        yield ok("Sessions", f"{count} of {most} connections are in use.")


def workers() -> Iterator[Finding]:
    """Whether the workers of a cluster answer; nothing on a plain PostgreSQL."""
    if not distributed_tables():
        return
    silent = silent_workers()
    if silent:
        text = f"Workers do not answer: {', '.join(silent)}. Logs of the organisations there are refused and not shown."
        advice = "Start them, or let their standbys take their place (Growing past one machine in docs/operations.md)."
        yield Finding(Level.PROBLEM, "Workers of Citus", text, advice)
    else:
        yield ok("Workers of Citus", "All answer.")


def broken_indexes() -> Iterator[Finding]:
    """Indexes whose building was interrupted: they cost and help no one."""
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN_INDEXES)
        names = [row[0] for row in cursor.fetchall()]
    if names:
        text = f"Not finished: {', '.join(names)}."
        yield Finding(
            Level.WARNING, "Indexes", text, "The jobs remove their own; others: DROP INDEX, and build it again."
        )
    else:
        yield ok("Indexes", "All are valid.")


def orphaned_logs() -> Iterator[Finding]:
    """Logs of services and environments that are gone, and what a takeover has set aside."""
    result = orphans()
    if result is None:
        yield ok("Orphans", "There are more counts of logs than can be looked through in a moment.")
        return
    if result.logs:
        text = f"Logs of services or environments that do not exist, which no page shows: {result.logs:,}."
        yield Finding(Level.WARNING, "Orphans", text, "They go with their days, by retention; DELETE removes them now.")
    if result.are_set_aside:
        text = "The table logs_of_nobody holds logs without an organisation, which the takeover has set aside."
        yield Finding(Level.WARNING, "Orphans", text, "Save what is wanted of it, then DROP TABLE logs_of_nobody.")
    if not result.logs and not result.are_set_aside:
        yield ok("Orphans", "Every log is of a service that exists.")
