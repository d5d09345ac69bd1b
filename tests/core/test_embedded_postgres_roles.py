"""PulseOps is not its embedded server's superuser, also where it was before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from pulseops.core.postgres.embedded.roles import OWNER, SUPERUSER
from tests.core.embedded import Places

# As software of before left it: all is the superuser's.
WEB = "pulseops_web"
_OLD = """
CREATE EXTENSION pg_trgm;
CREATE TABLE kept (id serial PRIMARY KEY, at timestamptz DEFAULT now(), number bigint GENERATED ALWAYS AS IDENTITY);
CREATE TABLE parts (day date, words text) PARTITION BY RANGE (day);
CREATE TABLE parts_default PARTITION OF parts DEFAULT;
CREATE INDEX ON parts USING gin (words gin_trgm_ops);
CREATE SEQUENCE alone;
CREATE VIEW seen AS SELECT * FROM kept;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM kept;
CREATE TYPE mood AS ENUM ('well');
CREATE DOMAIN word AS text;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE done() LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER noted BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION noted();
CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."Odd name" (id int);
INSERT INTO kept DEFAULT VALUES;
"""
_OTHERS = """
SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace IN ('public'::regnamespace, '"Other one"'::regnamespace)
    AND relowner <> %(owner)s::regrole
UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p LEFT JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
    WHERE pronamespace = 'public'::regnamespace AND proowner <> %(owner)s::regrole AND d.objid IS NULL
UNION ALL SELECT t.oid::regtype::text FROM pg_type t LEFT JOIN pg_depend d ON d.objid = t.oid AND d.deptype = 'e'
    WHERE typnamespace = 'public'::regnamespace AND typowner <> %(owner)s::regrole AND d.objid IS NULL
        AND typname NOT LIKE '%%gtrgm'
UNION ALL SELECT datname FROM pg_database WHERE datname = 'pulseops' AND datdba <> %(owner)s::regrole
"""


def _as(user: str, address: Any, database: str = "pulseops") -> psycopg.Connection[Any]:
    return psycopg.connect(**{**address, "user": user}, dbname=database, autocommit=True)


@pytest.fixture
def old(places: Places) -> Path:
    """A data directory that was the superuser's alone, with a program killed in the middle of taking it over."""
    server = places.server(directory := places.ready())
    address = server.join()
    with _as(SUPERUSER, address, "postgres") as root:
        for command in ("DROP DATABASE pulseops", f"DROP ROLE {OWNER}", f"DROP ROLE {WEB}", "CREATE DATABASE pulseops"):
            root.execute(command)
    with _as(SUPERUSER, address) as root:
        root.execute(_OLD)
    server.leave()
    return directory


def test_what_the_superuser_owned_is_taken_over_at_the_next_start(places: Places, old: Path) -> None:
    address = places.server(old).join()
    assert address["user"] == OWNER
    with _as(OWNER, address) as ours:
        assert ours.execute(_OTHERS, {"owner": OWNER}).fetchall() == []
        assert ours.execute("SELECT count(*) FROM kept").fetchone() == (1,)
        ours.execute("INSERT INTO kept DEFAULT VALUES; ALTER TABLE kept ADD more int; DROP TABLE parts; DROP TYPE mood")
        ours.execute('ALTER TABLE "Other one"."Odd name" ADD more int; CREATE EXTENSION btree_gin')
        ours.execute('DROP SCHEMA "Other one" CASCADE; CREATE TABLE fresh (id int)')


def test_a_takeover_that_was_killed_goes_on(places: Places, old: Path) -> None:
    server = places.server(old)
    address = server.join()
    with _as(SUPERUSER, address) as root:
        root.execute(f"ALTER TABLE kept OWNER TO {SUPERUSER}; ALTER ROLE {OWNER} SUPERUSER; DROP ROLE {WEB}")
    server.leave()
    address = server.join()
    with _as(OWNER, address) as ours:
        assert ours.execute(_OTHERS, {"owner": OWNER}).fetchall() == []
        assert ours.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        ours.execute(f"SET ROLE {WEB}")


@pytest.mark.skipif(bool(settings.DATABASE_URL), reason="the role is the operator's choice")
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'id'",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "CREATE TEMP TABLE t (line text); COPY t FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/pulseops-copied'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE EXTENSION file_fdw",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x.so', 'f'",
        "LOAD '/lib/x.so'",
        f"SET ROLE {SUPERUSER}",
        f"SET SESSION AUTHORIZATION {SUPERUSER}",
        f"ALTER ROLE {OWNER} SUPERUSER",
        "CREATE ROLE mighty SUPERUSER",
        "GRANT pg_execute_server_program TO CURRENT_USER",
        "UPDATE pg_authid SET rolsuper = true",
    ],
)
def test_our_connections_reach_nothing_of_the_machine(statement: str) -> None:
    with connection.cursor() as cursor, transaction.atomic():
        with pytest.raises(ProgrammingError, match=r"denied|must be|only|superuser|not a"):
            cursor.execute(statement)
        transaction.set_rollback(True)
