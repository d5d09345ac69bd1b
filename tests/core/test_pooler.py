"""PgBouncer in front of the database: one that pools transactions is refused with a sentence, one of sessions works."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from tests.support.waiting import wait_until

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ALIAS, PORT = "pooled", 6432
CONFIGURATION = """
[databases]
{name} = host={host} port={port} user={user}
[pgbouncer]
listen_port = {own}
unix_socket_dir = {directory}
auth_type = any
pool_mode = {mode}
logfile = {directory}/log
pidfile = {directory}/pid
"""


@contextmanager
def pooler(mode: str) -> Iterator[str]:
    """Run PgBouncer in front of the tests' database; gives the name of a connection through it."""
    assert PGBOUNCER
    at = connection.get_connection_params()
    values = {"name": at["dbname"], "host": at["host"], "port": at.get("port", 5432), "user": at["user"]}
    with tempfile.TemporaryDirectory(prefix="pooler-", dir="/tmp") as directory:
        Path(directory).chmod(0o777)
        file = Path(directory, "pgbouncer.ini")
        file.write_text(CONFIGURATION.format(**values, directory=directory, mode=mode, own=PORT))
        as_whom = ["-u", "postgres"] if os.geteuid() == 0 else []
        process = subprocess.Popen([PGBOUNCER, "-q", *as_whom, str(file)], stderr=subprocess.DEVNULL)
        through = {"HOST": directory, "PORT": PORT, "NAME": at["dbname"], "USER": at["user"], "PASSWORD": ""}
        settings = {**copy.deepcopy(connection.settings_dict), **through, "ENGINE": "pulseops.core.external"}
        connections.databases[ALIAS] = settings
        try:
            wait_until(Path(directory, f".s.PGSQL.{PORT}").exists)
            yield ALIAS
        finally:
            connections[ALIAS].close()
            del connections[ALIAS]
            del connections.databases[ALIAS]
            process.terminate()
            process.wait(20)


@pytest.mark.skipif(PGBOUNCER is None, reason="Debian's pgbouncer is not installed")
@pytest.mark.parametrize(("mode", "is_refused"), [("transaction", True), ("statement", True), ("session", False)])
def test_a_pooler_of_transactions_is_refused(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, mode: str, is_refused: bool
) -> None:
    with django_db_blocker.unblock(), pooler(mode) as alias:
        said = ""
        try:
            call_command("check", database=[alias])
        except SystemCheckError as error:
            said = str(error)
    assert ("pulseops.E014" in said) is is_refused, said
    assert ("pool_mode = session" in said) is is_refused


@pytest.mark.django_db
def test_the_server_itself_is_not_taken_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check", database=["default"])
    assert "E014" not in capsys.readouterr().err
