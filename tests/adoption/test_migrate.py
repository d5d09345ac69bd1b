"""`migrate` on a database that others use, several at once, and killed at any point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from pulseops.core.management.commands import migrate as command
from tests.adoption.shapes import build_running, contents
from tests.support.databases import ROOT, Catalog, catalog, migrate, rows, scratch_database

RUN = """
import itertools, os, sys, time, django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

connection.settings_dict["NAME"] = sys.argv[1]
if most := int(os.environ.get("MOST_MIGRATIONS", 0)):  # so that whoever is to be killed is not over before
    numbers, record = itertools.count(1), MigrationRecorder.record_applied
    MigrationRecorder.record_applied = lambda *its: record(*its) if next(numbers) <= most else time.sleep(60)
call_command("migrate", *sys.argv[2:], verbosity=0, interactive=False)
"""
TARGET = ("accounts", "0002_manage")  # far enough to change tables that are there


@pytest.fixture
def running(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A running installation's database, not migrated."""
    with django_db_blocker.unblock(), scratch_database() as database:
        build_running(database, "numbered")
        yield database


def migrate_elsewhere(database: BaseDatabaseWrapper, *target: str, most: int = 0) -> subprocess.Popen[bytes]:
    """Migrate in another process, which stops in the middle of the migration behind the first `most`."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "MOST_MIGRATIONS": str(most)}
    command = [sys.executable, "-c", RUN, str(database.settings_dict["NAME"]), *target]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def applied(database: BaseDatabaseWrapper) -> int:
    sql = "SELECT count(*) FROM pg_class WHERE relname = 'django_migrations'"
    if rows(database, sql) == [(0,)]:
        return 0
    return int(str(rows(database, "SELECT count(*) FROM django_migrations")[0][0]))


def test_killed_again_and_again_it_ends_the_same(running: BaseDatabaseWrapper, fresh_catalog: Catalog) -> None:
    before = contents(running)
    for stop_at in (9, 24, 45):
        process = migrate_elsewhere(running, most=stop_at + 5 - applied(running))
        while process.poll() is None and applied(running) < stop_at:
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it was over before it was killed"
    migrate(running)

    found = catalog(running)
    for kind, wanted in fresh_catalog.items():
        assert {each for each in found[kind] if each[0] != "schema_migrations"} == set(wanted), kind
    after = contents(running)
    for table in ("logs", "incidents", "audit_logs", "deployments", "webhook_deliveries", "notification_jobs"):
        assert len(after[table]) == len(before[table]), table
    assert rows(running, "SELECT count(*) FROM adoption_notes WHERE note LIKE '%that were fail%'") == [(1,)]


def test_two_at_once_take_turns(running: BaseDatabaseWrapper) -> None:
    others = [migrate_elsewhere(running, *TARGET) for _ in range(2)]
    assert [other.wait() for other in others] == [0, 0]
    assert rows(running, "SELECT resource_type FROM audit_logs WHERE id = 1") == [("service",)]


def test_a_held_lock_is_waited_for_without_queueing_everybody(
    running: BaseDatabaseWrapper, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIGRATE_LOCK_SECONDS = 0.2
    monkeypatch.setattr(command, "_PAUSE_SECONDS", 0.1)
    running.ensure_connection()
    with psycopg.connect(running.connection.info.dsn) as holder:
        holder.execute("LOCK TABLE audit_logs IN ACCESS SHARE MODE")
        with pytest.raises(CommandError, match="holds a lock"):
            call_command("migrate", *TARGET, database=running.alias, verbosity=0)
        assert rows(running, "SHOW lock_timeout") == [("0",)]
        release = threading.Timer(0.5, holder.rollback)
        release.start()
        monkeypatch.setattr(command, "_PAUSE_SECONDS", 1)
        call_command("migrate", *TARGET, database=running.alias, verbosity=0)
        release.join()
    assert rows(running, "SELECT count(*) FROM audit_logs") == [(3,)]
