"""Each table of the database has a policy, or stands on a list with the reason why it has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from pulseops.core.db.row_policies import TABLES, build_wall

ROOT = Path(__file__).resolve().parent.parent
# All but partitions, which are read through their table; a page has no right to them by their own name.
_STORED = """
    SELECT c.relname, c.relrowsecurity,
        (SELECT coalesce(string_agg(p, ', ' ORDER BY n), '')
         FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES'])
              WITH ORDINALITY u (p, n) WHERE has_table_privilege(%(role)s, c.oid, p)),
        (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid)
    FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT relispartition
"""
_PARTITIONS = """
    SELECT count(*) FROM pg_class
    WHERE relispartition AND relkind = 'r' AND has_table_privilege(%(role)s, oid, 'SELECT')
"""
_COLUMNS = """
    SELECT c.relname, array_agg(a.attname::text)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%(tables)s) AND NOT attisdropped
        AND has_column_privilege(%(role)s, c.oid, a.attnum, 'UPDATE') GROUP BY 1
"""
ROLE = {"role": settings.DATABASE_WEB_ROLE}
OF_PAGES = pytest.mark.plain_database("asks what the role of the pages may, which tests do not take there")


@OF_PAGES
@pytest.mark.django_db
def test_every_table_has_a_policy_or_a_reason() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_STORED, ROLE)
        stored = {name: tuple(rest) for name, *rest in cursor.fetchall()}
        cursor.execute(_PARTITIONS, ROLE)
        assert cursor.fetchone() == (0,)
    wanted = {name: (bool(table.read), table.may, sorted(table.policies) or None) for name, table in TABLES.items()}
    assert stored == wanted, "say in the app's row_policies.py what pages may do with the table"
    assert all(bool(table.read) != bool(table.reason) for table in TABLES.values())
    with connection.cursor() as cursor:
        cursor.execute(
            _COLUMNS, {**ROLE, "tables": [name for name, table in TABLES.items() if "UPDATE" not in table.may]}
        )
        changed = {name: set(columns) for name, columns in cursor.fetchall()}
    assert changed == {name: {*table.columns} for name, table in TABLES.items() if table.columns}


@pytest.mark.django_db
def test_every_table_of_an_organisation_has_a_policy() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'org_id' AND NOT attisdropped"
        )
        named = {name for (name,) in cursor.fetchall() if name in TABLES}
    assert {name for name in named if not TABLES[name].read} == {"logs", "log_blocks", "cron_runs"}


@OF_PAGES
@pytest.mark.django_db
def test_a_second_build_changes_nothing() -> None:
    stored = "SELECT xmin::text, ctid::text FROM pg_policy ORDER BY 2"
    with connection.cursor() as cursor:
        cursor.execute(stored)
        before = cursor.fetchall()
        assert build_wall(connection)
        cursor.execute(stored)
        assert cursor.fetchall() == before


@OF_PAGES
@pytest.mark.django_db
def test_what_an_operator_changed_is_set_right() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP POLICY pages_write ON services; ALTER TABLE incidents DISABLE ROW LEVEL SECURITY")
        cursor.execute("GRANT DELETE ON logs TO pulseops_web; REVOKE SELECT ON orgs FROM pulseops_web")
        cursor.execute("GRANT UPDATE ON users TO pulseops_web; GRANT UPDATE (suspended_at) ON orgs TO pulseops_web")
        cursor.execute("CREATE POLICY pages_old ON services USING (true); COMMENT ON POLICY pages_write ON orgs IS 'x'")
    build_wall(connection)
    test_every_table_has_a_policy_or_a_reason()


def test_who_leaves_the_wall_is_known() -> None:
    """Each place says why; a new one is added here."""
    places = {
        str(path.relative_to(ROOT)): len(found)
        for app in ("accounts", "alerts", "deployments", "incidents", "logs", "notifications", "pulseops", "services")
        for path in sorted((ROOT / app).rglob("*.py"))
        if (found := re.findall(r"with [^#\n]*outside_the_wall\(", path.read_text()))
    }
    assert places == {
        "accounts/actions/members.py": 1,
        "accounts/actions/orgs.py": 1,
        "logs/search/slots.py": 1,
        "logs/storage/bulk_delete.py": 1,
        "pulseops/diagnostics/views.py": 1,
        "pulseops/doctor/processes.py": 1,
        "pulseops/doctor/surroundings.py": 1,
        "pulseops/doctor/views.py": 1,
    }
