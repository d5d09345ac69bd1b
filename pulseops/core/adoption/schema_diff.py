"""The shape of tables as PostgreSQL's catalog tells it, and what takes a table from one shape to another.

The wanted shape is not described a second time: the baseline's own SQL is run in a schema of its own, which is read and
dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

_REFERENCE = "adoption_reference"

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    regexp_replace(pg_get_expr(d.adbin, d.adrelid), '^nextval.*', 'nextval')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_CONSTRAINTS = """
SELECT c.relname, o.conname, o.contype::text, pg_get_constraintdef(o.oid)
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE o.connamespace = %s::regnamespace AND o.contype IN ('c', 'f', 'p', 'u') ORDER BY o.contype = 'f', o.conname
"""
_INDEXES = """
SELECT c.relname, n.relname, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
WHERE c.relnamespace = %s::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
ORDER BY n.relname
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's type as PostgreSQL spells it, whether it is NOT NULL, and its default's expression."""

    type: str
    is_required: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class Constraint:
    """`kind` is PostgreSQL's letter: c(heck), f(oreign key), p(rimary key), u(nique)."""

    kind: str
    definition: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns, constraints and further indexes, each by name; an index is what follows `USING`."""

    columns: dict[str, Column]
    constraints: dict[str, Constraint]
    indexes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """A statement, and in words what it does. `key` is the foreign key that it adds, if it does."""

    table: str
    sql: str
    words: str
    key: ForeignKey | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`column` points at `target`.`target_column`."""

    column: str
    target: str
    target_column: str

    @classmethod
    def of(cls, constraint: Constraint) -> ForeignKey | None:
        """Read a constraint; None when it is not a foreign key of one column."""
        match = re.match(r"FOREIGN KEY \((\w+)\) REFERENCES (\w+)\((\w+)\)", constraint.definition)
        return cls(*match.groups()) if match else None


def wanted_shapes(cursor: CursorWrapper, script: str) -> dict[str, Table]:
    """Return the tables that `script` makes, by name. Runs inside a transaction and leaves nothing."""
    cursor.execute(f"DROP SCHEMA IF EXISTS {_REFERENCE} CASCADE; CREATE SCHEMA {_REFERENCE}")
    cursor.execute("SELECT current_setting('search_path')")
    path = cursor.fetchone()[0]
    cursor.execute(f"SET LOCAL search_path = {_REFERENCE}, public")
    cursor.execute(script)
    tables = read_shapes(cursor, _REFERENCE)
    cursor.execute("SELECT set_config('search_path', %s, true)", [path])
    cursor.execute("SET LOCAL client_min_messages = warning")  # it would list what it drops
    cursor.execute(f"DROP SCHEMA {_REFERENCE} CASCADE")
    return tables


def read_shapes(cursor: CursorWrapper, schema: str = "public") -> dict[str, Table]:
    """Return the tables of `schema`, which is the first of the search path, by name."""
    tables: dict[str, Table] = {}
    cursor.execute(_COLUMNS, [schema])
    for table, name, *rest in cursor.fetchall():
        tables.setdefault(table, Table({}, {}, {})).columns[name] = Column(*rest)
    cursor.execute(_CONSTRAINTS, [schema])
    for table, name, kind, definition in cursor.fetchall():
        tables[table].constraints[name] = Constraint(kind, definition)
    cursor.execute(_INDEXES, [schema])
    for table, name, definition in cursor.fetchall():
        head, _, shape = definition.partition(" USING ")
        tables[table].indexes[name] = ("UNIQUE " if head.startswith("CREATE UNIQUE") else "") + shape
    return tables


def relax(name: str, wanted: Table, found: Table, obsolete: Mapping[str, str]) -> Iterator[Change]:
    """Yield what lets values be moved: missing columns come, rules that are not wanted go.

    A column that is not wanted stays, but no one has to fill it. `obsolete` are indexes, shape → why it goes.
    """
    definitions = {constraint.definition for constraint in wanted.constraints.values()}
    for constraint, is_ in found.constraints.items():
        if is_.kind != "p" and is_.definition not in definitions:
            sql = f'ALTER TABLE {name} DROP CONSTRAINT "{constraint}"'
            yield Change(name, sql, f"{constraint} goes: {is_.definition}")
    for index, shape in found.indexes.items():
        why = next((why for start, why in obsolete.items() if shape.startswith(start)), None)
        if why:
            yield Change(name, f'DROP INDEX "{index}"', f"Index {index} goes: {why}")
    for column, it in wanted.columns.items():
        if column not in found.columns:
            sql = f"ALTER TABLE {name} ADD COLUMN {column} {it.type}{_default(it)}"
            yield Change(name, sql, f"{column} comes ({it.type})")
    for column, there in found.columns.items():
        asked = wanted.columns.get(column)
        if there.is_required and (not asked.is_required if asked else there.default is None):
            sql = f'ALTER TABLE {name} ALTER COLUMN "{column}" DROP NOT NULL'
            yield Change(name, sql, f"{column} may be empty" + ("" if asked else "; it is kept"))


def enforce(name: str, wanted: Table, found: Table) -> Iterator[Change]:
    """Yield what is missing for `found` to be as wanted, columns first and foreign keys last."""
    for column, it in wanted.columns.items():
        yield from _column_changes(name, column, it, found.columns[column])
    yield from _constraint_changes(name, wanted, found)
    for index, shape in wanted.indexes.items():
        if found.indexes.get(index) == shape:
            continue
        alias = next((other for other, there in found.indexes.items() if there == shape), None)
        if alias:
            yield Change(name, f'ALTER INDEX "{alias}" RENAME TO {index}', f"Index {alias} is called {index}")
        else:
            unique, _, rest = shape.rpartition("UNIQUE ")
            sql = f"CREATE {unique or ('UNIQUE ' if shape != rest else '')}INDEX {index} ON {name} USING {rest}"
            yield Change(name, sql, f"Index {index} comes")


def _column_changes(name: str, column: str, wanted: Column, found: Column) -> Iterator[Change]:
    alter = f"ALTER TABLE {name} ALTER COLUMN {column}"
    if found.type != wanted.type:
        sql = f"{alter} TYPE {wanted.type} USING {column}::{wanted.type}"
        yield Change(name, sql, f"{column} becomes {wanted.type}; it was {found.type}")
    if found.default != wanted.default and wanted.default != "nextval":
        sql = f"{alter} SET{_default(wanted)}" if wanted.default else f"{alter} DROP DEFAULT"
        yield Change(name, sql, f"{column} has {wanted.default or 'nothing'} by default")
    if wanted.is_required and not found.is_required:
        yield Change(name, f"{alter} SET NOT NULL", f"{column} must be filled")


def _constraint_changes(name: str, wanted: Table, found: Table) -> Iterator[Change]:
    there = {constraint.definition: each for each, constraint in found.constraints.items()}
    for each, constraint in wanted.constraints.items():
        alias = there.get(constraint.definition)
        if alias is None:
            sql = f"ALTER TABLE {name} ADD CONSTRAINT {each} {constraint.definition}"
            yield Change(name, sql, f"{each} comes: {constraint.definition}", ForeignKey.of(constraint))
        elif alias != each:
            sql = f'ALTER TABLE {name} RENAME CONSTRAINT "{alias}" TO {each}'
            yield Change(name, sql, f"{alias} is called {each}")


def _default(column: Column) -> str:
    return f" DEFAULT {column.default}" if column.default else ""
