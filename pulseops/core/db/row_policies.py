"""Which rows of which table a page may read and change: the policies of the second wall, and who is told them.

Each app says so of its own tables in a `row_policies.py`. `migrate` brings the database to that, on every run: what
stands there already is not touched, so it is quick, and the wall comes by itself once the role may be made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, transaction
from psycopg import sql

from pulseops.core.db.distribution import distributed_tables

# Whose rows: a missing setting is NULL, and then nothing is seen. As a subquery it is read once a statement, not once
# a row.
ORG = "(SELECT NULLIF(current_setting('app.org_id', true), '')::uuid)"
USER = "(SELECT NULLIF(current_setting('app.user_id', true), '')::uuid)"
ALL = "SELECT, INSERT, UPDATE, DELETE"
NOTHING = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What a page may do with a table: `may` are the privileges, `read` and `write` are conditions on its rows.

    `write` is None where it is the same as `read`. Without a condition the table has no policy, and `reason` says why.
    `columns` are the only ones that may be changed, where `may` has no UPDATE.
    """

    may: str = ALL
    read: str = ""
    write: str | None = None
    reason: str = ""
    columns: tuple[str, ...] = ()

    @property
    def policies(self) -> Mapping[str, str]:
        """The policies by name, as SQL after `ON table`."""
        if not self.read:
            return {}
        write = self.read if self.write is None else self.write
        both = f"USING ({write}) WITH CHECK ({write})"
        return (
            {"pages_write": both}
            if write == self.read
            else {"pages_write": both, "pages_read": f"FOR SELECT USING ({self.read})"}
        )


def of_org(*, may: str = ALL, column: str = "org_id") -> Table:
    """A table whose rows name their organisation."""
    return Table(may, f"{column} = {ORG}")


def of_parent(table: str, parent: str, column: str, *, may: str = ALL) -> Table:
    """A table whose rows belong to a row of `parent`, which has a policy: who sees that one sees them."""
    return Table(may, f"EXISTS (SELECT FROM {parent} parent WHERE parent.id = {table}.{column})")


def without_policy(reason: str, *, may: str = "SELECT") -> Table:
    """A table that has no policy, for `reason`."""
    return Table(may, reason=reason)


TABLES: dict[str, Table] = {}


def register(tables: Mapping[str, Table]) -> None:
    """Say what pages may do with an app's tables."""
    assert not TABLES.keys() & tables.keys()
    TABLES.update(tables)


def build_wall(connection: Any) -> bool:
    """Make role, privileges and policies as they should be; returns whether the wall stands.

    It cannot where the role of the connection may not make roles and no one made this one; then nothing is changed.
    """
    role = settings.DATABASE_WEB_ROLE
    if not role or not _make_role(connection):
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        present = {name for (name,) in cursor.fetchall()} & (TABLES.keys() | _unlisted())
        far = distributed_tables(connection.alias)
        for statement in (*_missing_grants(cursor, role, present), *_missing_policies(cursor, present, far)):
            cursor.execute(statement)
    return True


_IS_MEMBER = """
    SELECT to_regrole(quote_ident(%(role)s)) IS NOT NULL AND pg_has_role(
        to_regrole(quote_ident(%(role)s)),
        CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
"""  # of who may only grant a role, pg_has_role tells 'MEMBER' from PostgreSQL 16 on


def _unlisted() -> set[str]:
    """Return the tables of models of which no app says anything: pages may use them, and a test asks for the policy."""
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - TABLES.keys()


def _wanted(table: str) -> Table:
    return TABLES.get(table) or without_policy("no app says anything of it", may=ALL)


def is_member(connection: Any) -> bool:
    """Return whether there is the role of the pages, and our own may become it."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_MEMBER, {"role": settings.DATABASE_WEB_ROLE})
        return bool(cursor.fetchone()[0])


def _make_role(connection: Any) -> bool:
    """Make the role and become a member of it; returns whether we are one now."""
    name = sql.Identifier(settings.DATABASE_WEB_ROLE).as_string()
    for statement in (f"CREATE ROLE {name} NOLOGIN", f"GRANT {name} TO CURRENT_USER"):
        if is_member(connection):
            return True
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError:  # it may not; or it is there; or another database's `migrate` is at it
            continue
    return is_member(connection)


_PRIVILEGES = """
    SELECT c.relname, p.privilege, has_table_privilege(%(role)s, c.oid, p.privilege)
    FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p (privilege)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%(tables)s)
"""
_COLUMNS = """
    SELECT c.relname, has_table_privilege(%(role)s, c.oid, 'UPDATE'), array_agg(a.attname::text),
        array_agg(a.attname::text) FILTER (WHERE has_column_privilege(%(role)s, c.oid, a.attnum, 'UPDATE'))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%(tables)s) GROUP BY c.oid
"""
_SEQUENCES = """
    SELECT s.oid::regclass::text FROM pg_class c
    JOIN pg_depend d ON d.refobjid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    JOIN pg_class s ON s.oid = d.objid AND d.classid = 'pg_class'::regclass
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%(tables)s)
        AND CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(%(role)s, s.oid, 'USAGE') ELSE false END
"""


# Ways to fill the disk beside the tables, which everyone has: temporary tables, and large objects, of which only a
# superuser may say so.
_LARGE_OBJECTS = """
    SELECT format('REVOKE EXECUTE ON FUNCTION %%s FROM PUBLIC', oid::regprocedure) FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege(%(role)s, oid, 'EXECUTE')
        AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite')
"""
_TEMPORARY = """
    SELECT format('REVOKE TEMPORARY ON DATABASE %%I FROM PUBLIC', datname) FROM pg_database
    WHERE datname = current_database() AND has_database_privilege(%(role)s, oid, 'TEMPORARY')
        AND pg_has_role(datdba, 'USAGE')
"""


def large_object_revokes(connection: Any) -> list[str]:
    """Return what a superuser is to run so that pages make no large objects; nothing where they cannot."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regrole(quote_ident(%s)) IS NOT NULL", [settings.DATABASE_WEB_ROLE])
        if not cursor.fetchone()[0]:
            return []
        cursor.execute(_LARGE_OBJECTS, {"role": settings.DATABASE_WEB_ROLE})
        return [statement for (statement,) in cursor.fetchall()]


def _missing_grants(cursor: Any, role: str, present: set[str]) -> Iterator[str]:
    name, values = sql.Identifier(role).as_string(), {"role": role, "tables": sorted(present)}
    cursor.execute(_TEMPORARY, values)
    for (statement,) in cursor.fetchall():
        yield statement
    cursor.execute("SELECT has_schema_privilege(%(role)s, 'public', 'USAGE')", values)
    if not cursor.fetchone()[0]:
        yield f"GRANT USAGE ON SCHEMA public TO {name}"
    cursor.execute(_PRIVILEGES, values)
    for table, privilege, has in cursor.fetchall():
        if has != (privilege in _wanted(table).may) and not (privilege == "UPDATE" and _wanted(table).columns):
            yield f'{"REVOKE" if has else "GRANT"} {privilege} ON "{table}" {"FROM" if has else "TO"} {name}'
    cursor.execute(_COLUMNS, {**values, "tables": sorted(table for table in present if _wanted(table).columns)})
    for table, has_all, present_columns, has_some in cursor.fetchall():
        columns = [each for each in _wanted(table).columns if each in present_columns]
        if has_all or {*(has_some or ())} != {*columns}:
            yield f'REVOKE UPDATE ON "{table}" FROM {name}'
            yield from (f'GRANT UPDATE ("{each}") ON "{table}" TO {name}' for each in columns)
    inserted = sorted(table for table in present if "INSERT" in _wanted(table).may)
    cursor.execute(_SEQUENCES, {**values, "tables": inserted})
    for (sequence,) in cursor.fetchall():
        yield f"GRANT USAGE ON SEQUENCE {sequence} TO {name}"


_POLICIES = """
    SELECT c.relname, c.relrowsecurity, p.polname, obj_description(p.oid, 'pg_policy')
    FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
"""


def _missing_policies(cursor: Any, present: set[str], far: Set[str]) -> Iterator[str]:
    """Yield what makes the policies; tables that are `far`, on workers, have none: no worker knows who asks."""
    cursor.execute(_POLICIES, [sorted(present)])
    rows = cursor.fetchall()
    secured = {table for table, is_secured, _, _ in rows if is_secured}
    stored = {(table, name): digest for table, _, name, digest in rows if name}
    for table in sorted(present):
        policies = {} if table in far else _wanted(table).policies
        wanted = {name: (text, _digest(text)) for name, text in policies.items()}
        for name in [name for of, name in stored if of == table and name not in wanted and name.startswith("pages_")]:
            yield f'DROP POLICY "{name}" ON "{table}"'
        for name, (text, digest) in wanted.items():
            if stored.get((table, name)) != digest:
                yield (
                    f'DROP POLICY IF EXISTS "{name}" ON "{table}"; CREATE POLICY "{name}" ON "{table}" {text}; '
                    f'COMMENT ON POLICY "{name}" ON "{table}" IS \'{digest}\''
                )
        if bool(wanted) != (table in secured):
            yield f'ALTER TABLE "{table}" {"ENABLE" if wanted else "DISABLE"} ROW LEVEL SECURITY'


def remove_policies(cursor: Any, table: str) -> None:
    """Take the policies of a table away before it is distributed: Citus takes none that read a setting as these do."""
    cursor.execute("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [table])
    for (name,) in cursor.fetchall():
        cursor.execute(sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(name), sql.Identifier(table)))
    cursor.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
