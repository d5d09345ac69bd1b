"""kill -9 in the middle of what takes long: the partitioning of `logs`, and the building of its indexes ahead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from tests.adoption.shapes import build_running, contents, standing_in
from tests.support.databases import ROOT, Catalog, catalog, migrate, rows, scratch_database
from tests.support.waiting import wait_until

RUN = """
import sys, django
django.setup()
from django.core.management import call_command
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
call_command(*sys.argv[2:])
"""


@pytest.fixture
def running(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A running installation's database, not migrated."""
    with django_db_blocker.unblock(), scratch_database() as database:
        build_running(database, "numbered")
        database.ensure_connection()
        yield database


def elsewhere(database: BaseDatabaseWrapper, *command: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", RUN, str(database.settings_dict["NAME"]), *command]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def finish(database: BaseDatabaseWrapper, before: int, fresh: Catalog) -> None:
    """Migrate to the end: every log is there, and the catalog is that of a new database."""
    migrate(database)
    assert len(contents(database)["logs"]) == before
    for kind, wanted in fresh.items():
        assert {each for each in catalog(database)[kind] if each[0] != "schema_migrations"} == set(wanted), kind


def test_in_the_middle_of_partitioning(running: BaseDatabaseWrapper, fresh_catalog: Catalog) -> None:
    before, shape = contents(running)["logs"], "SELECT relkind FROM pg_class WHERE relname = 'logs'"
    waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'logs_id_seq'::regclass"
    with psycopg.connect(running.connection.info.dsn) as holder:
        holder.execute("SELECT last_value FROM logs_id_seq")  # a lock: constraints are gone when it comes to this
        process = elsewhere(running, "migrate", "--verbosity=0")
        wait_until(lambda: process.poll() is not None or rows(running, waiting))
        process.kill()
        assert process.wait() == -9, "it was over before it was killed"
    assert rows(running, shape) == [("r",)]
    assert contents(running)["logs"] == before
    finish(running, len(before), fresh_catalog)


def test_in_the_middle_of_an_index_ahead(running: BaseDatabaseWrapper, fresh_catalog: Catalog) -> None:
    before = len(contents(running)["logs"])
    unfinished = "SELECT FROM pg_index WHERE NOT indisvalid AND indrelid = 'logs'::regclass"
    with psycopg.connect(running.connection.info.dsn) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT FROM logs LIMIT 1")  # a snapshot, whose end each build waits for
        process = elsewhere(running, "prepare_adoption")
        wait_until(lambda: process.poll() is not None or rows(running, unfinished))
        process.kill()
        assert process.wait() == -9, "it was over before it was killed"
        again = elsewhere(running, "prepare_adoption")  # at once, while the server still builds for the killed one
        wait_until(lambda: again.poll() is not None or rows(running, WAITS))
        assert again.poll() is None
    assert again.wait(60) == 0
    assert rows(running, unfinished) == []
    with standing_in(running):
        finish(running, before, fresh_catalog)


# The second one, which waits until the server is done for the first.
WAITS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_try_advisory_lock%'"
