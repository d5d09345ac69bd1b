"""manage.py prepare_adoption: indexes built while the old software writes are those that the partition has."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DataError
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from tests.adoption.shapes import build_running, standing_in
from tests.support.databases import Catalog, catalog, migrate, rows, scratch_database

CHILDREN = """
SELECT p.relname, c.relname FROM pg_inherits JOIN pg_class p ON p.oid = inhparent JOIN pg_class c ON c.oid = inhrelid
JOIN pg_index i ON i.indexrelid = c.oid
WHERE p.relname LIKE 'logs\\_%' AND i.indrelid::regclass::text LIKE 'logs_before%'
"""


@pytest.fixture
def running(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), scratch_database() as database:
        build_running(database, "uuid")
        yield database


def prepare(database: BaseDatabaseWrapper) -> str:
    output = StringIO()
    with standing_in(database):
        call_command("prepare_adoption", stdout=output)
    return output.getvalue()


def test_migrate_takes_what_was_built_ahead(running: BaseDatabaseWrapper, fresh_catalog: Catalog) -> None:
    with running.cursor() as cursor, pytest.raises(DataError):  # which leaves what a killed build does
        cursor.execute("CREATE INDEX CONCURRENTLY logs_ahead_trace_idx ON logs ((1 / (length(message) * 0)))")
    assert prepare(running).count("stands after") == 6
    assert prepare(running).count("stands after") == 6  # a second time does no harm
    migrate(running)

    ours = {str(parent): str(child) for parent, child in rows(running, CHILDREN)}
    ahead = {parent for parent, child in ours.items() if child.startswith("logs_ahead_")}
    assert ahead == {f"logs_{each}_idx" for each in ("message_fts", "meta_gin", "trace", "request", "error_received")}
    assert ours["logs_org_ts_idx"].endswith("_pkey")
    for kind, wanted in fresh_catalog.items():
        assert {each for each in catalog(running)[kind] if each[0] != "schema_migrations"} == set(wanted), kind
    assert prepare(running) == "There is no table of logs to prepare.\n"
