"""Taking over tables that other software made: what each app's migration 0002 does.

It runs where the baseline found the tables already there, in the migration's own transaction: count the rows, rename
columns, let go of old rules, run the app's script, which moves values, and put in place what the documented shape asks
for. On tables that the baseline made itself it finds nothing to do. What it did stands in `adopted_tables` and
`adoption_notes`, for `manage.py adoption_report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper
from django.db.migrations.state import ProjectState

from pulseops.core.adoption.schema_diff import Change, ForeignKey, enforce, read_shapes, relax, wanted_shapes

# Where else rows of a table are now: under another name, or set aside because they are no one's.
MOVED = {"service_github_integrations": ("github_integrations",), "logs": ("logs_of_nobody",)}

# The identity of a row in notes: its primary key's columns.
_KEY_COLUMNS = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY a.attnum
"""
# The names put into these are those of the baseline's own tables and columns.
_COUNT = """
INSERT INTO adopted_tables (table_name, rows_before) SELECT '{table}', count(*) FROM {table} HAVING count(*) > 0
ON CONFLICT (table_name) DO NOTHING
"""
_IS_LOST = "t.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM {target} o WHERE o.{target_column} = t.{column})"
_NOTE_LOST = """
INSERT INTO adoption_notes (table_name, column_name, row_key, old_value, note)
SELECT '{table}', '{column}', ({row_key})::text, t.{column}::text, 'What it names is not in {target} any more'
FROM {table} t WHERE {is_lost}
"""
_NULL_LOST = "UPDATE {table} t SET {column} = NULL WHERE {is_lost}"
_NOTES = """
SELECT table_name, CASE WHEN column_name = '' THEN note ELSE
    format('%s of %s rows: %s. What stood there is in adoption_notes', column_name, count(*),
        lower(left(note, 1)) || substr(note, 2)) END
FROM adoption_notes GROUP BY table_name, column_name, note ORDER BY table_name, column_name <> '', min(id)
"""


class _TakeOver(migrations.RunPython):
    """Code that asks for no models: Django would build the classes of all of them before it runs."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.code(None, schema_editor)  # type: ignore[arg-type]  # it takes no models


@dataclass(frozen=True, slots=True)
class Adoption:
    """How the tables of one app are taken over.

    `migration` is the migration's `__file__`; the baseline's SQL stands beside it. `renamed` is table → old column →
    new; `obsolete_indexes` is table → an index from its method on → why it is not needed; `old_tables` are counted as
    well; `script` is the .sql file that moves values. It may run twice, and finds all documented columns.
    """

    migration: str
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    obsolete_indexes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    old_tables: tuple[str, ...] = ()
    script: str = ""

    def operation(self) -> migrations.RunPython:
        """Return the migration's operation; going backwards undoes nothing."""
        return _TakeOver(lambda apps, schema_editor: self.run(schema_editor.connection), migrations.RunPython.noop)

    def run(self, connection: BaseDatabaseWrapper) -> None:
        """Take the tables over, inside the caller's transaction."""
        with connection.cursor() as cursor:
            wanted = wanted_shapes(cursor, self.baseline)
            self._count(cursor, [*wanted, *self.old_tables])
            self._rename(cursor)
            result = read_shapes(cursor)
            for name, shape in wanted.items():
                _make(cursor, relax(name, shape, result[name], self.obsolete_indexes.get(name, {})))
            if self.script:
                cursor.execute(self._read(self.script))
            result = read_shapes(cursor)
            for name, shape in wanted.items():
                _make(cursor, enforce(name, shape, result[name]))

    @property
    def baseline(self) -> str:
        """The SQL that makes the documented tables where they are absent."""
        return self._read("0001_baseline.sql")

    def _read(self, name: str) -> str:
        return (Path(self.migration).parent / name).read_text(encoding="utf-8")

    def _count(self, cursor: CursorWrapper, tables: Iterable[str]) -> None:
        for table in tables:
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0] is None:
                continue
            cursor.execute(_COUNT.format(table=table))

    def _rename(self, cursor: CursorWrapper) -> None:
        result = read_shapes(cursor)
        for table, columns in self.renamed.items():
            for old, new in columns.items():
                if old in result[table].columns and new not in result[table].columns:
                    sql = f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}"
                    _make(cursor, [Change(table, sql, f"{old} is called {new}")])


def count_after(connection: BaseDatabaseWrapper) -> list[str]:
    """Count what was taken over, once; returns the tables that have fewer rows than before, with both numbers.

    `migrate` calls it when it is done. Where nothing was taken over it does nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('adopted_tables')")
        if cursor.fetchone()[0] is None:
            return []
        cursor.execute("SELECT table_name, rows_before FROM adopted_tables WHERE rows_after IS NULL ORDER BY 1")
        missing = []
        for table, before in cursor.fetchall():
            after = rows_now(cursor, table)
            cursor.execute("UPDATE adopted_tables SET rows_after = %s WHERE table_name = %s", [after, table])
            if after < before:
                missing.append(f"{table}: {before} before, {after} now")
        return missing


def rows_now(cursor: CursorWrapper, table: str) -> int:
    """Count the rows that `table` has now, wherever they have moved."""
    total = 0
    for place in (table, *MOVED.get(table, ())):
        cursor.execute("SELECT to_regclass(%s)", [place])
        if cursor.fetchone()[0] is not None:
            cursor.execute(f"SELECT count(*) FROM {place}")  # noqa: S608  # a name of the baseline's
            total += cursor.fetchone()[0]
    return total


def _make(cursor: CursorWrapper, changes: Iterable[Change]) -> None:
    """Make `changes`, and leave a note of each."""
    for change in changes:
        sql = change.sql
        if change.key and not _null_orphans(cursor, change.table, change.key):
            sql += " NOT VALID"
        cursor.execute(sql)
        _note(cursor, change.table, change.words)


def _null_orphans(cursor: CursorWrapper, table: str, key: ForeignKey) -> bool:
    """Null the references whose target is gone, keeping their values in notes; False where they cannot be null.

    No row is deleted: an audit row outlives the organisation that it tells of.
    """
    cursor.execute(_KEY_COLUMNS, [table])
    identity = [row[0] for row in cursor.fetchall()]
    names = {"table": table, **asdict(key), "row_key": " || ' ' || ".join(f"t.{each}" for each in identity)}
    is_lost = _IS_LOST.format(**names)
    cursor.execute(_NOTE_LOST.format(**names, is_lost=is_lost))
    if key.column in identity:
        return bool(cursor.rowcount == 0)
    cursor.execute(_NULL_LOST.format(**names, is_lost=is_lost))
    return True


def _note(cursor: CursorWrapper, table: str, words: str) -> None:
    cursor.execute("INSERT INTO adoption_notes (table_name, note) VALUES (%s, %s)", [table, words])


def adopted_tables(cursor: CursorWrapper) -> list[tuple[str, int, int | None]]:
    """Return (table, rows before the takeover, rows after it; None before it has run)."""
    cursor.execute("SELECT table_name, rows_before, rows_after FROM adopted_tables ORDER BY table_name")
    return list(cursor.fetchall())


def changes_noted(cursor: CursorWrapper) -> list[tuple[str, str]]:
    """Return (table, what the takeover changed in it), one for each column and kind of change."""
    cursor.execute(_NOTES)
    return list(cursor.fetchall())
