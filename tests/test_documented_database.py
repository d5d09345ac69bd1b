"""A database that already has the documented tables, with data in them, becomes ours in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from notifications.webhook_addresses import address_in
from tests.support.databases import Catalog, catalog, documented_tables, migrate, rows, scratch_database

DATA = """
INSERT INTO orgs (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'Old Inc');
INSERT INTO users (id, email, password_hash) VALUES
    ('00000000-0000-4000-8000-000000000002', 'Old@Example.com',
     '$2b$10$abcdefghijklmnopqrstuuA9cUWzGGhd4SOyP8s5VmAdF0lqZRMsG'),
    ('00000000-0000-4000-8000-00000000000a', 'old@example.com',
     '$2b$10$abcdefghijklmnopqrstuuA9cUWzGGhd4SOyP8s5VmAdF0lqZRMsG');
INSERT INTO org_members (org_id, user_id, role)
    SELECT o.id, u.id, 'admin' FROM orgs o, users u;
INSERT INTO sessions (id, user_id, session_token_hash, active_org_id, expires_at)
    SELECT gen_random_uuid(), u.id, repeat('a', 64), o.id, now() + interval '1 day'
    FROM orgs o, users u WHERE u.email LIKE 'Old%';
INSERT INTO services (id, org_id, name, created_by)
    SELECT '00000000-0000-4000-8000-000000000003', o.id, 'api', u.id FROM orgs o, users u WHERE u.email LIKE 'Old%';
INSERT INTO environments (id, service_id, name)
    SELECT '00000000-0000-4000-8000-000000000004', id, 'production' FROM services;
INSERT INTO api_keys (id, org_id, service_id, environment_id, key_hash)
    SELECT '00000000-0000-4000-8000-000000000005', s.org_id, s.id, e.id, repeat('b', 64)
    FROM services s, environments e;
INSERT INTO api_key_rate_buckets (api_key_id, window_start, count)
    SELECT id, date_trunc('minute', now()), 7 FROM api_keys;
INSERT INTO logs (org_id, service_id, environment_id, ts, level, message, meta_json, trace_id)
    SELECT s.org_id, s.id, e.id, now() - n * interval '1 hour', 'error', 'line ' || n || ' <script>',
        jsonb_build_object('n', n), 'trace-' || n
    FROM services s, environments e, generate_series(1, 100) n;
INSERT INTO deployments (org_id, service_id, environment_id, commit_sha, status)
    SELECT s.org_id, s.id, e.id, 'abc', 'success' FROM services s, environments e;
INSERT INTO github_integrations (id, service_id, repo_owner, repo_name, webhook_secret_hash)
    SELECT gen_random_uuid(), id, 'Old', 'api', 'hash' FROM services;
INSERT INTO webhook_deliveries (id, delivery_id, integration_id, event_type)
    SELECT gen_random_uuid(), 'd-1', id, 'push' FROM github_integrations;
INSERT INTO incidents (org_id, service_id, environment_id, title, severity, status, source)
    SELECT s.org_id, s.id, e.id, 'Old trouble', 'high', 'open', 'manual' FROM services s, environments e;
INSERT INTO incident_events (incident_id, type, message) SELECT id, 'created', 'opened' FROM incidents;
INSERT INTO alert_rules (org_id, name, type, severity) SELECT id, 'errors', 'error_count', 'med' FROM orgs;
INSERT INTO alert_firings (rule_id, fired_at, fingerprint) SELECT id, now(), 'f' FROM alert_rules;
INSERT INTO notification_channels (id, org_id, type, config_json)
    SELECT gen_random_uuid(), id, 'slack', '{"webhook_url": "https://hooks.slack.com/services/x"}' FROM orgs;
INSERT INTO notification_jobs (id, org_id, type, payload_json, status)
    SELECT gen_random_uuid(), id, 'incident.created', '{}', 'sent' FROM orgs;
INSERT INTO audit_logs (org_id, action, resource_type) SELECT id, 'org.created', 'org' FROM orgs;
INSERT INTO cron_runs (job_name, status) VALUES ('cleanup', 'success');
"""
TABLES = sorted(set(re.findall(r"INSERT INTO (\w+)", DATA)))


Adopted = tuple[BaseDatabaseWrapper, dict[str, list[dict[str, object]]]]


@pytest.fixture(scope="module")
def adopted(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Adopted]:
    """A migrated database that had the documented tables before, and what its rows were then."""
    with django_db_blocker.unblock(), scratch_database() as database:
        with database.cursor() as cursor:
            cursor.execute(documented_tables())
            cursor.execute(DATA)
        before = {table: contents(database, table) for table in TABLES}
        migrate(database)
        yield database, before


def contents(database: BaseDatabaseWrapper, table: str) -> list[dict[str, object]]:
    found = rows(database, f"SELECT to_jsonb(t)::text FROM {table} t")
    return [json.loads(str(row[0])) for row in found]


def canonical(row: dict[str, object]) -> str:
    return json.dumps(row, sort_keys=True)


def test_every_documented_table_has_data() -> None:
    assert len(TABLES) == 20


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_lost_or_changed(adopted: Adopted, table: str) -> None:
    database, before = adopted
    known = before[table][0].keys()
    after = [{name: row[name] for name in known} for row in contents(database, table)]
    if table == "notification_channels":  # their addresses are encrypted, and are the same
        for row in after:
            row["config_json"] = {"webhook_url": address_in(row["config_json"])}

    assert sorted(map(canonical, after)) == sorted(map(canonical, before[table]))


def test_catalog_equals_a_fresh_one(adopted: Adopted, fresh_catalog: Catalog) -> None:
    found = catalog(adopted[0])
    for kind, expected in fresh_catalog.items():
        assert set(found[kind]) == set(expected), kind


def test_migrating_again_changes_nothing(
    adopted: Adopted,
) -> None:
    before = catalog(adopted[0])
    migrate(adopted[0])
    assert catalog(adopted[0]) == before
