"""The suite on a cluster of Citus: `make test-citus`, with CITUS_COORDINATOR and CITUS_WORKERS in the environment.

CITUS_COORDINATOR is the URL of a superuser's database there, and CITUS_WORKERS are its workers, HOST:PORT,HOST:PORT,
which take the same user. The tests' database is made on all of them, and then migrated like any other: `migrate`
distributes what is new. What `scratch_database` gives stays plain. Pages keep the owner's role (DATABASE_WEB_ROLE is
empty): a test is one transaction, in which Citus lets no role read what another wrote.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from logs.storage import distribute
from tests.support import flush

SHARDS = 4  # each day is so many tables, and a test has some days
_FILLED = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND NOT relispartition AND (pg_relation_size(oid) > 0 OR oid IN (SELECT logicalrelid FROM pg_dist_partition))
ORDER BY 1
"""


def is_cluster() -> bool:
    """Return whether the tests run on a cluster."""
    return bool(os.environ.get("CITUS_COORDINATOR"))


def use_cluster() -> None:
    """Let the databases of tests be on all nodes; before Django makes the first."""
    creation: Any = type(connection.creation)
    create = creation._execute_create_test_db

    def create_everywhere(self: Any, cursor: Any, parameters: dict[str, str], keepdb: bool = False) -> None:
        name = parameters["dbname"].strip('"')
        cursor.execute("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", [name])
        is_kept = keepdb and cursor.fetchone()[0]
        if not is_kept:
            _drop_everywhere(name)
        create(self, cursor, parameters, keepdb)
        if not is_kept:
            _make_cluster(name)

    def destroy_everywhere(self: Any, name: str, verbosity: int) -> None:
        self.connection.close()
        _drop_everywhere(name)

    creation._execute_create_test_db, creation._destroy_test_db = create_everywhere, destroy_everywhere
    distribute.SHARDS = SHARDS
    flush._TABLES = _FILLED


def skip_what_is_plain(items: list[pytest.Item]) -> None:
    """Skip the tests that are about plain catalogs, plans or sizes."""
    for item in items:
        if marker := item.get_closest_marker("plain_database"):
            item.add_marker(pytest.mark.skip(reason=f"plain: {marker.args[0]}"))


def _nodes() -> list[str]:
    """Return the URLs of the coordinator and of each worker, as psycopg takes them."""
    url = os.environ["CITUS_COORDINATOR"]
    places = [place.rpartition(":") for place in os.environ["CITUS_WORKERS"].split(",")]
    return [url, *(make_conninfo(url, host=host, port=port) for host, _, port in places)]


def _drop_everywhere(name: str) -> None:
    for node in _nodes():
        _run(node, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _make_cluster(name: str) -> None:
    coordinator, *workers = _nodes()
    for node in workers:
        _run(node, sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    for node in (coordinator, *workers):
        _run(make_conninfo(node, dbname=name), sql.SQL("CREATE EXTENSION citus"))
    adds = [sql.SQL("SELECT citus_set_coordinator_host({}, {})").format(*_address(coordinator))]
    adds += [sql.SQL("SELECT citus_add_node({}, {})").format(*_address(node)) for node in workers]
    _run(make_conninfo(coordinator, dbname=name), *adds)


def _run(node: str, *statements: sql.Composable) -> None:
    with psycopg.connect(node, autocommit=True) as session:
        for statement in statements:
            session.execute(statement)


def _address(node: str) -> tuple[sql.Literal, sql.Literal]:
    values = conninfo_to_dict(node)
    return sql.Literal(values["host"]), sql.Literal(int(values.get("port") or 5432))
