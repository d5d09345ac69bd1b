"""SQL that stands in files, and migration operations made of it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations


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
