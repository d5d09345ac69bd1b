"""The roles of an embedded server, and its database.

`postgres`, the superuser, is who initdb leaves; only this file and `manage.py postgres --superuser` connect as it. What
PulseOps does it does as `pulseops_owner`, which owns the database and all in it, and cannot read or run anything on the
machine. `pulseops_web` is whom the pages become (`pulseops.core.db.row_security`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
OWNER = "pulseops_owner"
DATABASE = "pulseops"

_ROLES = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pulseops_owner') THEN
        CREATE ROLE pulseops_owner LOGIN CREATEDB;
    ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pulseops_owner' AND (rolsuper OR NOT rolcanlogin)) THEN
        ALTER ROLE pulseops_owner NOSUPERUSER LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pulseops_web') THEN
        CREATE ROLE pulseops_web;
    END IF;
    IF NOT pg_has_role('pulseops_owner', 'pulseops_web', 'MEMBER') THEN
        GRANT pulseops_web TO pulseops_owner;
    END IF;
END $$
"""
# Indexes, sequences of columns, row types and array types follow their tables; what belongs to an extension stays with
# it. One statement each, so that a table with hundreds of partitions does not need the locks of all at once.
_OTHERS_OBJECTS = """
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
     member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT format('ALTER %%s %%s OWNER TO pulseops_owner', CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
              WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, oid::regclass)
FROM pg_class WHERE relnamespace IN (TABLE ours) AND relkind IN ('r', 'p', 'v', 'm', 'S')
    AND relowner = %(superuser)s::regrole AND ('pg_class'::regclass, oid) NOT IN (TABLE member)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = pg_class.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND relkind = 'S')
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO pulseops_owner', oid::regprocedure) FROM pg_proc
WHERE pronamespace IN (TABLE ours) AND proowner = %(superuser)s::regrole AND prokind <> 'a'
    AND ('pg_proc'::regclass, oid) NOT IN (TABLE member)
UNION ALL
SELECT format('ALTER TYPE %%s OWNER TO pulseops_owner', oid::regtype) FROM pg_type
WHERE typnamespace IN (TABLE ours) AND typowner = %(superuser)s::regrole AND typtype IN ('e', 'd', 'r')
    AND ('pg_type'::regclass, oid) NOT IN (TABLE member)
UNION ALL
SELECT format('ALTER SCHEMA %%I OWNER TO pulseops_owner', nspname) FROM pg_namespace
WHERE oid IN (TABLE ours) AND nspowner = %(superuser)s::regrole
"""
# Whoever may connect may make large objects, and so fill the disk. PulseOps has none.
_LARGE_OBJECTS = """
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('pulseops_web', oid, 'EXECUTE')
    AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite')
"""


def prepare_database(address: Mapping[str, Any]) -> None:
    """Make the roles and the database where they are missing, and give the owner what the superuser still owns there.

    Older data directories have everything in the superuser's name. `address` is where the server listens. A second
    run finds nothing to do; one that was killed is gone on with.
    """
    superuser = {**address, "user": SUPERUSER, "autocommit": True}
    with psycopg.connect(**superuser, dbname="postgres") as connection:
        connection.execute(_ROLES)
        _prepare_databases(connection)
    with psycopg.connect(**superuser, dbname=DATABASE) as connection:
        for (statement,) in connection.execute(_OTHERS_OBJECTS, {"superuser": SUPERUSER}).fetchall():
            connection.execute(statement)
        for (statement,) in connection.execute(_LARGE_OBJECTS).fetchall():
            connection.execute(statement)


def _prepare_databases(connection: psycopg.Connection[Any]) -> None:
    databases = dict(connection.execute("SELECT datname, datdba::regrole::text FROM pg_database").fetchall())
    if DATABASE not in databases:
        command = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(command.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
    for name in databases.keys() - {"postgres", "template0", "template1"}:
        if databases[name] == SUPERUSER:
            command = sql.SQL("ALTER DATABASE {} OWNER TO {}")
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(OWNER)))
