"""Settings of a PostgreSQL server that lose data or are slow, on a real PostgreSQL 15 with such settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core import checks
from django.db import connection, connections
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from accounts.models import Org, Role, User
from pulseops.diagnostics import postgres_checks
from pulseops.diagnostics.postgres_checks import WEAKNESSES, connections_needed, server_is_well_set, weaknesses
from pulseops.server import options
from tests.support.factories import make_member, make_user
from tests.support.servers import EMBEDDED, POSTGRES_15, server

BAD = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off",
    "shared_buffers": "16MB", "effective_cache_size": "64MB", "max_wal_size": "64MB", "checkpoint_timeout": "30s",
    "work_mem": "64kB", "maintenance_work_mem": "1MB", "random_page_cost": "4", "jit": "on", "max_connections": "10",
}  # fmt: skip
GOOD = {
    "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on",
    "shared_buffers": "256MB", "effective_cache_size": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min",
    "work_mem": "16MB", "maintenance_work_mem": "256MB", "random_page_cost": "1.1", "jit": "off",
    "max_connections": "100",
}  # fmt: skip


@pytest.fixture(params=[EMBEDDED, POSTGRES_15], ids=["18", "15"])
def programs(request: pytest.FixtureRequest) -> Path:
    """Those of PostgreSQL 18, which are always there, and of Debian's 15 where it is installed."""
    found: Path = request.param
    if found == POSTGRES_15 and not found.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    return found


def told_of(programs: Path, settings: Mapping[str, str], encoding: str) -> list[checks.CheckMessage]:
    """Run the check on a server with these settings, and a database of this encoding."""
    with server(programs, settings) as socket:
        with psycopg.connect(host=socket, user="postgres", dbname="postgres", autocommit=True) as raw:
            raw.execute(f"CREATE DATABASE theirs ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        address = {"HOST": socket, "PORT": "", "NAME": "theirs", "USER": "postgres", "PASSWORD": "", "OPTIONS": {}}
        connections.databases["theirs"] = {
            **connection.settings_dict, "ENGINE": "pulseops.core.external", **address,
        }  # fmt: skip
        try:
            return server_is_well_set(databases=["theirs"])
        finally:
            connections["theirs"].close()
            del connections["theirs"]
            del connections.databases["theirs"]


@pytest.mark.slow
def test_every_weakness_of_a_bad_server_is_reported(programs: Path, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        told = told_of(programs, BAD, "SQL_ASCII")
    assert [each.id for each in told] == [each.id for each in WEAKNESSES]
    assert told[0].msg == "fsync is off. A crash of the machine destroys the whole database."
    assert any(each.msg.startswith("max_wal_size is 64MB.") for each in told)
    assert all(each.level == checks.WARNING and each.hint for each in told)


@pytest.mark.slow
def test_of_a_good_one_nothing(programs: Path, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        assert told_of(programs, GOOD, "UTF8") == []


@pytest.mark.django_db
@pytest.mark.skipif(bool(settings.DATABASE_URL), reason="another server's settings are not ours")
def test_the_embedded_servers_own_choices_are_not_judged() -> None:
    names = {each.weakness.name for each in weaknesses(connection)}
    assert names == {"fsync", "full_page_writes"}  # which only the tests switch off


def test_it_is_asked_for_with_the_database_only() -> None:
    assert server_is_well_set() == []
    assert checks.Tags.database in getattr(server_is_well_set, "tags", ())


def test_a_server_that_is_too_old_is_an_error(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_checks, "_OLDEST", 990000)
    assert server_is_well_set(databases=["default"])[0].id == "pulseops.E011"


def test_more_processes_need_more_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(DATABASE_POOL_SIZE=8):
        before = connections_needed()
        monkeypatch.setattr(options, "WEB_WORKERS", options.WEB_WORKERS + 2)
        assert connections_needed() == before + 16


@pytest.mark.django_db
def test_superusers_see_them(org: Org, admin: User, client_for: Callable[[User], Client]) -> None:
    operator = make_member(org, Role.ADMIN, user=make_user("operator@example.com", is_superuser=True))
    connection.cursor().execute("SET LOCAL synchronous_commit = off")
    title = "Settings of the PostgreSQL server"
    page = client_for(operator).get("/settings/diagnostics").content.decode()
    assert title in page
    assert "a crash loses the last moments" in page
    assert title not in client_for(admin).get("/settings/diagnostics").content.decode()
