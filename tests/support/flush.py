"""Emptying the tests' database after a test with transactions of its own.

Django truncates all tables and emits `post_migrate`, which takes a second with some 650 relations. Few of them have
rows after a test: those are emptied, and what migrations had filled is put back.
"""

from __future__ import annotations

from graphlib import TopologicalSorter

from django.db import connection
from django.test import TransactionTestCase

_KEPT = {"django_migrations", "django_content_type", "auth_permission"}  # no test adds to these, and they are large
_APPEND_ONLY = {"audit_logs"}  # a trigger refuses to delete its rows, and one that they be truncated
_SEEDS = "seeds"  # the schema that holds what the others had after the migrations
# A table without a page has no rows, and most have none: to ask each of them costs more than all else here.
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0 ORDER BY 1
"""
_REFERENCES = """
SELECT c.relname, p.relname
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid
WHERE f.contype = 'f' AND c.relnamespace = 'public'::regnamespace AND c.oid <> p.oid
"""


def keep_seeds() -> None:
    """Remember what the migrations have filled; to be called once, on a database that no test has seen."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_no_truncate")
        cursor.execute(f"CREATE SCHEMA {_SEEDS}")
        for table in _filled():
            cursor.execute(f'CREATE TABLE {_SEEDS}."{table}" AS TABLE public."{table}"')
    TransactionTestCase._fixture_teardown = lambda self: empty()  # type: ignore[method-assign]


def empty() -> None:
    """Empty every table that has rows, those that refer to others first, and fill those that migrations fill."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s)", [_SEEDS])
        seeds = {row[0] for row in cursor.fetchall()}
        cursor.execute(_REFERENCES)
        order: TopologicalSorter[str] = TopologicalSorter()
        for child, parent in cursor.fetchall():
            order.add(parent, child)
        filled = _filled()
        ordered = [table for table in order.static_order() if table in filled]
        for table in [*(filled - set(ordered)), *ordered]:
            cursor.execute(f'{"TRUNCATE" if table in _APPEND_ONLY else "DELETE FROM"} public."{table}"')
        for table in seeds:
            cursor.execute(f'INSERT INTO public."{table}" SELECT * FROM {_SEEDS}."{table}"')


def _filled() -> set[str]:
    """Return the tables, partitions among them, that have rows."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        tables = [row[0] for row in cursor.fetchall() if row[0] not in _KEPT]
        if not tables:
            return set()
        cursor.execute(" UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM public.\"{t}\")" for t in tables))
        return {row[0] for row in cursor.fetchall()}
