"""What each release left in a database is upgraded by `migrate` alone, and works: `tools/keep_release.py` keeps it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from pytest_django import DjangoDbBlocker

from alerts.evaluate import evaluate
from pulseops.backup.programs import address, programs_for, server_major
from tests.adoption.shapes import standing_in
from tests.support.databases import Catalog, catalog, migrate, rows, scratch_database
from tests.support.factories import PASSWORD

RELEASES = sorted(Path(__file__).parent.glob("*.dump"))
_DUMPED_BY = 18
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
    "AND NOT relispartition AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
)


@pytest.fixture(scope="module", params=RELEASES, ids=lambda path: path.stem)
def upgraded(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[BaseDatabaseWrapper, dict[str, int]]]:
    """A database as the release left it, migrated; and how many rows each table had before."""
    with django_db_blocker.unblock(), scratch_database() as database:
        if server_major() < _DUMPED_BY:
            pytest.skip(f"the releases were dumped by PostgreSQL {_DUMPED_BY}, which older programs do not read")
        with standing_in(database):
            dbname, environment = address()
            program = programs_for(server_major()).command("pg_restore", "--no-owner", "--exit-on-error")
            subprocess.run([*program, "--dbname", dbname, str(request.param)], env=environment, check=True)
        before = counts(database)
        migrate(database)
        with standing_in(database):
            cache.clear()
            yield database, before


def counts(database: BaseDatabaseWrapper) -> dict[str, int]:
    """Return how many rows each table has."""
    names = [str(row[0]) for row in rows(database, _TABLES)]
    return {name: int(str(rows(database, f'SELECT count(*) FROM "{name}"')[0][0])) for name in names}


def plain(row: tuple[object, ...]) -> str:
    """Return a row of the catalog without casts of text, of which a condition gains some by being dumped."""
    return re.sub(r"::(character varying|text)(\[\])?|[()]", "", str(row))


def test_there_is_a_release() -> None:
    assert RELEASES


def test_it_ends_as_a_new_one_begins_and_has_lost_nothing(
    upgraded: tuple[BaseDatabaseWrapper, dict[str, int]], fresh_catalog: Catalog
) -> None:
    database, before = upgraded
    found = catalog(database)
    for kind, fresh in fresh_catalog.items():
        assert sorted(set(map(plain, found[kind])) ^ set(map(plain, fresh))) == [], kind
    after = counts(database)
    assert {name: after.get(name) for name in before} == before


@pytest.mark.usefixtures("upgraded")
def test_its_people_find_what_they_had() -> None:
    client = Client()
    answer = client.post("/login", {"login": "upgraded@example.com", "password": PASSWORD})
    assert (answer.status_code, answer["location"]) == (302, "/dashboard")
    for path in (
        "/dashboard",
        "/logs?from=2026-11-01&to=2026-12-31",
        "/incidents",
        "/deployments",
        "/alerts",
        "/services",
    ):
        page = client.get(path)
        assert page.status_code == 200, path
    assert "checkout" in page.content.decode()
    assert evaluate().failed == {}
