"""SQL that stands in files and migration operations made of it; statements that are worth preparing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, migrations

from pulseops.core.db.row_security import settle


def run_sql_file(migration: str, name: str) -> migrations.RunSQL:
    """Run the file `name` beside `migration` (its `__file__`) as one script; going backwards undoes nothing."""
    script = (Path(migration).parent / name).read_text(encoding="utf-8")
    return migrations.RunSQL(script, reverse_sql=migrations.RunSQL.noop)


def add_foreign_key(table: str, column: str, target: str, *, on_delete: str) -> migrations.RunSQL:
    """Let the database enforce `table.column` → `target`.id with `on_delete` (CASCADE, SET NULL).

    Django 5.2 cannot write ON DELETE: the field says `db_constraint=False`, and this adds the constraint.
    """
    name = f"{table}_{column}_fkey"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY ({column}) REFERENCES {target} (id) ON DELETE {on_delete}",
        reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def execute_prepared(statement: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run a statement that the connection prepares once, and return the first row that it gives.

    For the few that run thousands of times a second and take longer to plan than to run: Django has each statement
    planned anew. Outside a transaction it is one of its own.
    """
    database = connections[DEFAULT_DB_ALIAS]  # `connection` would look it up again for each of its attributes
    database.ensure_connection()
    settle(database)
    session: psycopg.Connection[Any] = database.connection
    with database.wrap_database_errors, psycopg.Cursor(session) as cursor:
        session.prepare_threshold = 0
        try:
            cursor.execute(statement, parameters)
        finally:
            session.prepare_threshold = None
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def fetch_binary(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return what a statement selects, sent as it is: bytes, which Django's cursors would receive as text, are half as
    long then."""
    connection.ensure_connection()
    settle(connection)
    session: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(session) as cursor:
        return list(cursor.execute(statement, parameters, binary=True).fetchall())
