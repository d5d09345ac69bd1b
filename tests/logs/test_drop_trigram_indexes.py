"""The migration that drops what earlier versions built to find parts of words."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone

migration = import_module("logs.migrations.0021_drop_trigram_indexes")


@pytest.mark.django_db
@pytest.mark.plain_database("makes extensions and indexes")
def test_the_indexes_go_and_those_of_others_stay() -> None:
    day = f"logs_{timezone.now():%Y%m%d}"
    ours = [f"{day}_parts_idx", f"{day}_parts_202603170600_202603170900"]
    theirs = [f"{day}_spare_parts", "car_parts_idx"]
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin; CREATE TABLE cars (parts text)")
        for name in [*ours, theirs[0]]:
            cursor.execute(f"CREATE INDEX {name} ON {day} USING gin (message gin_trgm_ops)")
        cursor.execute(f"CREATE INDEX {theirs[1]} ON cars USING gin (parts gin_trgm_ops)")
        cursor.execute(migration.INDEXES)
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY(%s) ORDER BY 1", [[*ours, *theirs]])
        assert [name for (name,) in cursor.fetchall()] == sorted(theirs)


@pytest.mark.django_db
@pytest.mark.plain_database("makes extensions and indexes")
def test_an_extension_goes_unless_something_else_needs_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin; CREATE TABLE cars (parts text)")
        cursor.execute("CREATE INDEX car_parts_idx ON cars USING gin (parts gin_trgm_ops)")
    with connection.schema_editor() as editor:
        migration.drop_extensions(None, editor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension WHERE extname IN ('pg_trgm', 'btree_gin')")
        assert cursor.fetchall() == [("pg_trgm",)]
