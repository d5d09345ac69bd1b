"""Databases as other software left them, built from their description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from pulseops.core.db.distribution import forget_distribution
from tests.support.databases import documented_tables, rows

VARIANTS = ("numbered", "uuid")
_HERE = Path(__file__).parent
DEAD_URL = "http://127.0.0.1:9/services/dead"
Row = dict[str, Any]


def build_running(database: BaseDatabaseWrapper, variant: str, *, receiver_url: str = DEAD_URL) -> None:
    """Fill an empty database with a running installation whose webhook_deliveries is of `variant`."""
    data = _sql("data").replace("RECEIVER_URL", receiver_url).replace("DEAD_URL", DEAD_URL)
    with database.cursor() as cursor:
        for script in (documented_tables(), _sql("running"), _sql(f"deliveries_{variant}"), data):
            cursor.execute(script)


def _sql(name: str) -> str:
    return (_HERE / f"{name}.sql").read_text(encoding="utf-8")


def contents(database: BaseDatabaseWrapper) -> dict[str, list[Row]]:
    """Return the rows of every table of the public schema, by the table's name, in the order of their keys."""
    tables = rows(
        database, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    return {str(name): table_rows(database, str(name)) for (name,) in tables}


def table_rows(database: BaseDatabaseWrapper, table: str) -> list[Row]:
    """Return a table's rows as PostgreSQL writes them in JSON."""
    return [json.loads(str(row[0])) for row in rows(database, f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")]


@contextmanager
def standing_in(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Let the whole product use `database` in place of the test database."""
    connection.close()
    own, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], database.settings_dict["NAME"]
    forget_distribution()  # it is plain where the tests run on a cluster
    try:
        yield
    finally:
        connection.close()
        forget_distribution()
        connection.settings_dict["NAME"] = own
