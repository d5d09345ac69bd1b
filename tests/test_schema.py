"""The migrated catalog against docs/schema.md, row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "schema.md"
TYPES = {
    "UUID": "uuid",
    "TEXT": "text",
    "TIMESTAMPTZ": "timestamp with time zone",
    "INT": "integer",
    "BIGINT": "bigint",
    "BIGSERIAL": "bigint",
    "JSONB": "jsonb",
    "BOOLEAN": "boolean",
    "VARCHAR(50)": "character varying(50)",
}


@dataclass(frozen=True)
class Column:
    table: str
    name: str
    type: str
    constraints: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


def documented_columns() -> Iterator[Column]:
    table = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#### `(\w+)`", line):
            table = heading[1]
        elif line.startswith("## Multi-Tenant"):
            return
        elif table and (row := re.match(r"\| `(\w+)` \| ([^|]+?) \| ([^|]+?) \|", line)):
            yield Column(table, row[1], row[2], row[3])


def documented_indexes() -> Iterator[tuple[str, str]]:
    table = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#### `(\w+)`", line):
            table = heading[1]
        elif line.startswith(("**Indexes**", "- `logs_")):
            yield from ((table, name) for name in re.findall(r"`((?:idx|logs)_\w+)`", line))


COLUMNS = list(documented_columns())

# Where `logs` differs, and why. No foreign keys: each costs a lookup and a lock for every row that is stored (34 µs a
# row instead of 26); triggers on the tables they pointed at delete the logs instead. The key has organisation and time
# before the id: the time, because a partitioned table needs its partition key there; the organisation, because a
# distributed one needs its distribution column; and walked backwards it is the documented logs_org_ts_idx.
LOGS_HAS_NO_REFERENCES = {"orgs": "org_id", "services": "service_id", "environments": "environment_id"}
# What a CHECK allows beyond the document, for what came later.
ADDED_VALUES = {
    "alert_rules.type": {"no_data"},
    "notification_channels.type": {
        "email",
        "gotify",
        "mattermost",
        "ntfy",
        "opsgenie",
        "pagerduty",
        "rocketchat",
        "teams",
        "telegram",
        "webhook",
    },
}
LOGS_PRIMARY_KEY = "PRIMARY KEY (org_id, ts, id)"


def query(sql: str, *parameters: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def actual(column: Column) -> tuple[str, bool, str | None]:
    """Return the column's type, whether it is NOT NULL, and its default."""
    rows = query(
        "SELECT format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid) "
        "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
        "WHERE a.attrelid = %s::regclass AND a.attname = %s",
        column.table,
        column.name,
    )
    assert rows, f"{column} is missing"
    return rows[0]  # type: ignore[return-value]


def constraints(table: str, kind: str) -> list[str]:
    """Return the definitions of a table's constraints of one kind (p, u, f, c)."""
    sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = %s"
    return [str(row[0]) for row in query(sql, table, kind)]


def triggers(table: str) -> list[str]:
    """Return the names of a table's triggers, without those of its foreign keys."""
    found = query("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", table)
    return [str(row[0]) for row in found]


def test_document_is_read_whole() -> None:
    assert len({column.table for column in COLUMNS}) == 20
    assert len(COLUMNS) == 140


@pytest.mark.django_db
@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_column_is_as_documented(column: Column) -> None:
    kind, not_null, default = actual(column)
    assert kind == TYPES[column.type]
    assert not_null or not {"NOT NULL", "PK"} & set(re.split(r", ", column.constraints))
    if column.type == "BIGSERIAL":
        assert (default or "").startswith("nextval(")
    if documented := re.search(r"DEFAULT (\S+)", column.constraints):
        assert default is not None
        assert default.lower().split("::")[0].strip("'") == documented[1].lower().strip("',")


@pytest.mark.django_db
@pytest.mark.parametrize("column", [c for c in COLUMNS if "FK" in c.constraints], ids=str)
def test_reference_is_as_documented(column: Column) -> None:
    reference = re.search(r"FK → (\w+)\((\w+)\)( CASCADE)?", column.constraints)
    assert reference
    if column.table == "logs":
        assert LOGS_HAS_NO_REFERENCES[reference[1]] == column.name
        assert constraints("logs", "f") == []
        assert "delete_logs" in triggers(reference[1])
        return
    wanted = f"FOREIGN KEY ({column.name}) REFERENCES {reference[1]}({reference[2]})"
    wanted += " ON DELETE CASCADE" if reference[3] else ""
    assert wanted in constraints(column.table, "f")


@pytest.mark.django_db
@pytest.mark.parametrize("column", [c for c in COLUMNS if "UNIQUE" in c.constraints], ids=str)
def test_unique_is_as_documented(column: Column) -> None:
    listed = re.search(r"UNIQUE\(([^)]*)\)", column.constraints)
    names = [name.strip() for name in listed[1].split(",")] if listed else [column.name]
    if column.name not in names:
        names.append(column.name)  # alert_firings.fingerprint: UNIQUE(rule_id)
    assert f"UNIQUE ({', '.join(names)})" in constraints(column.table, "u")


@pytest.mark.django_db
@pytest.mark.parametrize("table", sorted({c.table for c in COLUMNS}))
def test_primary_key_is_as_documented(table: str) -> None:
    names = [c.name for c in COLUMNS if c.table == table and "PK" in c.constraints.split(", ")]
    wanted = LOGS_PRIMARY_KEY if table == "logs" else f"PRIMARY KEY ({', '.join(names)})"
    assert constraints(table, "p") == [wanted]


@pytest.mark.django_db
@pytest.mark.parametrize("column", [c for c in COLUMNS if "CHECK" in c.constraints], ids=str)
def test_check_is_as_documented(column: Column) -> None:
    listed = re.search(r"CHECK \(([^)]*)\)", column.constraints)
    assert listed
    values = set(listed[1].split("/")) | ADDED_VALUES.get(str(column), set())
    checks = [check for check in constraints(column.table, "c") if f"{column.name}" in check]
    assert any(set(re.findall(r"'(\w+)'", check)) == values for check in checks)


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "name"), list(documented_indexes()))
def test_index_exists_under_its_name(table: str, name: str) -> None:
    assert query("SELECT 1 FROM pg_indexes WHERE tablename = %s AND indexname = %s", table, name)


@pytest.mark.django_db
def test_logs_can_be_distributed_by_organisation() -> None:
    """Nothing on `logs` that a distributed table cannot have."""
    assert triggers("logs") == []
    assert query("SELECT attidentity FROM pg_attribute WHERE attrelid = 'logs'::regclass AND attname = 'id'") == [("",)]


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
