"""The second wall on a PostgreSQL of the operator's own: with a role that may make roles, and with one that may not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection, connections
from pytest_django import DjangoDbBlocker, Settings

from pulseops.core.db import row_security
from pulseops.core.db.checks import wall_can_stand
from pulseops.core.db.row_policies import build_wall
from pulseops.core.db.row_security import Scope, within_wall
from tests.support.databases import documented_tables

Database = Callable[..., Any]
ROWS = "INSERT INTO orgs (id, name) VALUES (%s, 'Ours'), (gen_random_uuid(), 'Theirs')"


@contextmanager
def superuser() -> Iterator[psycopg.Connection[Any]]:
    """Connect to the tests' server as its superuser."""
    asked = connection.get_connection_params()
    params = {name: asked[name] for name in ("host", "port", "user", "password") if asked.get(name)}
    if not django_settings.DATABASE_URL:
        params["user"] = "postgres"
    with psycopg.connect(**params, dbname="postgres", autocommit=True) as root:
        yield root


@pytest.fixture
def database(settings: Settings, django_db_setup: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    """Make a database with the documented tables, owned by a role with these options; gives a connection as that."""
    name, web = f"plain_{uuid4().hex[:12]}", f"Web {uuid4().hex[:12]}"
    settings.DATABASE_WEB_ROLE = web

    def make(options: str) -> Any:
        with superuser() as root:
            root.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x' {options}; GRANT {name} TO CURRENT_USER")
            root.execute(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
            address = {"HOST": root.info.host, "PORT": root.info.port}
        ours = {**copy.deepcopy(connection.settings_dict), **address, "NAME": name, "USER": name, "PASSWORD": "x"}
        connections.databases[name] = {**ours, "ENGINE": "pulseops.core.external"}
        with connections[name].cursor() as cursor:
            cursor.execute(documented_tables())
        return connections[name]

    with django_db_blocker.unblock():
        yield make
        row_security.forget_databases()
        connections[name].close()
        del connections[name], connections.databases[name]
    with superuser() as root:
        root.execute(f"DROP DATABASE {name} WITH (FORCE)")
        root.execute(f'DROP ROLE IF EXISTS "{web}"; DROP ROLE {name}')


def names_seen(database: Any) -> list[str]:
    """Return which organisations of two a page of the first one sees when it asks for all."""
    ours = uuid4()
    with database.cursor() as cursor:
        cursor.execute(ROWS, [ours])
        with within_wall(Scope(ours, uuid4())):
            cursor.execute("SELECT name FROM orgs ORDER BY name")
            return [name for (name,) in cursor.fetchall()]


def test_a_role_that_may_make_roles_builds_it(database: Database) -> None:
    theirs = database("CREATEROLE")
    assert wall_can_stand([theirs.alias]) == []
    assert build_wall(theirs)
    assert names_seen(theirs) == ["Ours"]


def test_a_role_that_may_not_sees_what_to_run_and_works_without(database: Database, settings: Settings) -> None:
    theirs = database("NOCREATEROLE")
    assert not build_wall(theirs)
    (told,) = wall_can_stand([theirs.alias])
    assert told.id == "pulseops.W030"
    assert told.hint
    assert names_seen(theirs) == ["Ours", "Theirs"]

    with superuser() as root:
        root.execute(told.hint.partition(": ")[2].partition("; then")[0])
    assert build_wall(theirs)
    (told,) = wall_can_stand([theirs.alias])
    assert told.id == "pulseops.I032"
    with superuser() as root, psycopg.connect(root.info.dsn, dbname=theirs.alias) as there:
        there.execute(told.hint.partition(": ")[2].rstrip("."))
    assert wall_can_stand([theirs.alias]) == []
    row_security.forget_databases()
    assert names_seen(theirs) == ["Ours"]


def test_a_superuser_is_asked_not_to_be_one(database: Database) -> None:
    theirs = database("SUPERUSER")
    assert [each.id for each in wall_can_stand([theirs.alias])] == ["pulseops.W031"]
    assert build_wall(theirs)
    assert names_seen(theirs) == ["Ours"]


def test_a_role_of_that_name_that_is_anothers_is_left_alone(database: Database, settings: Settings) -> None:
    theirs = database("NOCREATEROLE")
    with superuser() as root:
        root.execute(f'CREATE ROLE "{settings.DATABASE_WEB_ROLE}"')
    assert not build_wall(theirs)
    assert names_seen(theirs) == ["Ours", "Theirs"]
