"""A `logs` table that has rows becomes the oldest partition as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from importlib import import_module

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from tests.support.databases import rows, scratch_database

ORG, SERVICE, ENVIRONMENT = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 4))
BEFORE = f"""
INSERT INTO orgs (id, name) VALUES ('{ORG}', 'Old Inc');
INSERT INTO services (id, org_id, name) VALUES ('{SERVICE}', '{ORG}', 'api');
INSERT INTO environments (id, service_id, name) VALUES ('{ENVIRONMENT}', '{SERVICE}', 'production');
INSERT INTO logs (org_id, service_id, environment_id, ts, level, message)
    SELECT '{ORG}', '{SERVICE}', '{ENVIRONMENT}', now() - n * interval '1 hour', 'error', '/api/users/' || n
    FROM generate_series(-20, 3000) n;
INSERT INTO logs (service_id, ts, level, message) VALUES ('{SERVICE}', now(), 'warn', 'of a service alone');
INSERT INTO logs (ts, level, message) VALUES (now(), 'info', 'of nobody');
ALTER TABLE logs RENAME CONSTRAINT logs_level_check TO some_other_name;
"""


@pytest.fixture(scope="module")
def old(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[BaseDatabaseWrapper, object, object]]:
    """A migrated database that had logs before: with where their rows lay then, and where they lie now."""
    with django_db_blocker.unblock(), scratch_database() as database:
        call_command("migrate", "logs", "0003", database=database.alias, verbosity=0)
        call_command("migrate", "accounts", database=database.alias, verbosity=0)
        with database.cursor() as cursor:
            cursor.execute(BEFORE)
        before = rows(database, "SELECT pg_relation_filenode('logs')")
        call_command("migrate", "logs", database=database.alias, verbosity=0)
        (partition,) = rows(database, "SELECT relname FROM pg_class WHERE relname ~ '^logs_before_[0-9]{8}$'")
        yield database, before, rows(database, f"SELECT pg_relation_filenode('{partition[0]}')")


def one(database: BaseDatabaseWrapper, sql: str) -> object:
    [[value]] = rows(database, sql)
    return value


def test_the_rows_stay_where_they_are(old: tuple[BaseDatabaseWrapper, object, object]) -> None:
    database, before, after = old
    assert before == after
    assert one(database, "SELECT count(*) FROM logs") == 3022
    assert rows(database, "SELECT DISTINCT tableoid::regclass::text ~ '^logs_before_' FROM logs") == [(True,)]


def test_a_log_without_an_organisation_is_its_services_or_set_aside(
    old: tuple[BaseDatabaseWrapper, object, object],
) -> None:
    assert str(one(old[0], "SELECT org_id FROM logs WHERE message = 'of a service alone'")) == ORG
    assert one(old[0], "SELECT message FROM logs_of_nobody") == "of nobody"


def test_every_index_is_there_for_old_rows(old: tuple[BaseDatabaseWrapper, object, object]) -> None:
    missing = rows(
        old[0],
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'logs'::regclass AND NOT EXISTS ("
        "SELECT FROM pg_inherits JOIN pg_index leaf ON leaf.indexrelid = inhrelid "
        "WHERE inhparent = pg_index.indexrelid AND leaf.indisvalid "
        "AND leaf.indrelid::regclass::text LIKE 'logs_before%')",
    )
    assert missing == []


def test_new_ids_go_on(old: tuple[BaseDatabaseWrapper, object, object]) -> None:
    assert one(old[0], "SELECT nextval('logs_id_seq') > (SELECT max(id) FROM logs)") is True


def test_the_days_after_have_partitions(old: tuple[BaseDatabaseWrapper, object, object]) -> None:
    tomorrow = timezone.now() + timedelta(days=2)
    assert one(old[0], f"SELECT to_regclass('logs_{tomorrow:%Y%m%d}') IS NOT NULL") is True


def test_old_logs_are_counted(old: tuple[BaseDatabaseWrapper, object, object]) -> None:
    assert one(old[0], "SELECT sum(count) FROM log_counts") == 3022


def test_an_index_of_words_that_translates_is_exchanged(old: tuple[BaseDatabaseWrapper, object, object]) -> None:
    """As installations before 1.0 have it; one index is ready already, one was left half-built."""
    database = old[0]
    translating, documented = (f"USING gin (to_tsvector('simple', {text})) WHERE level = 'error'"
                               for text in ("translate(message, '/', ' ')", "message"))  # fmt: skip
    partitions = [name for (name,) in rows(database, "SELECT inhrelid::regclass::text FROM pg_inherits "
                                                     "WHERE inhparent = 'logs'::regclass ORDER BY 1")]  # fmt: skip
    (legacy,) = (name for name in partitions if name.startswith("logs_before_"))
    with database.cursor() as cursor:
        cursor.execute("DROP INDEX logs_message_fts_idx")
        cursor.execute(f"CREATE INDEX logs_message_fts_idx ON logs {translating}")
        cursor.execute(f"CREATE INDEX {partitions[0]}_words_idx ON {partitions[0]} {documented}")
        with suppress(IntegrityError):  # many rows have one level
            cursor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {legacy}_words_idx ON {legacy} (level)")
    migration = import_module("logs.migrations.0020_index_words_as_documented")
    for _ in range(2):  # the second time there is nothing to do
        with database.schema_editor(atomic=False) as editor:
            migration.index_as_documented(None, editor)
    indexes = rows(
        database,
        "SELECT relname, pg_get_indexdef(oid), indisvalid FROM pg_class JOIN pg_index ON indexrelid = oid "
        "WHERE relname LIKE '%fts_idx' OR relname LIKE '%words_idx'",
    )
    assert {name for name, _, _ in indexes} == {f"{name}_message_fts_idx" for name in ["logs", *partitions]}
    for _, definition, is_valid in indexes:
        assert "to_tsvector('simple'::regconfig, message)) WHERE (level = 'error'::text)" in definition
        assert is_valid
