"""A running installation's database becomes ours in place: same catalog as a fresh one, every row with its meaning."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command

from tests.adoption.conftest import Adopted
from tests.adoption.shapes import Row, contents, table_rows
from tests.support.databases import Catalog, catalog, migrate, rows

SAME = (
    "schema_migrations", "orgs", "users", "org_members", "sessions", "services", "environments", "api_keys",
    "api_key_rate_buckets", "logs", "alert_firings", "incidents",
)  # fmt: skip
DELIVERIES = "SELECT provider, delivery_id, event_type, payload_hash, created_at FROM webhook_deliveries ORDER BY 5"


def by_id(found: list[Row]) -> dict[object, Row]:
    return {row["id"]: row for row in found}


def test_catalog_equals_a_fresh_one(adopted: Adopted, fresh_catalog: Catalog) -> None:
    found = catalog(adopted.database)
    for kind, wanted in fresh_catalog.items():
        ours = {each for each in found[kind] if each[0] != "schema_migrations"}
        assert ours == set(wanted), kind


def test_no_rows_are_lost(adopted: Adopted) -> None:
    after = contents(adopted.database)
    moved = {"service_github_integrations": "github_integrations"}
    for table, before in adopted.before.items():
        assert len(after[moved.get(table, table)]) == len(before), table


@pytest.mark.parametrize("table", SAME)
def test_rows_are_as_before(adopted: Adopted, table: str) -> None:
    before = adopted.before[table]
    assert before
    after = [{name: row[name] for name in before[0]} for row in table_rows(adopted.database, table)]
    key: Callable[[Row], str] = lambda row: str(sorted(row.items(), key=str))  # noqa: E731
    assert sorted(after, key=key) == sorted(before, key=key)


def test_deployments(adopted: Adopted) -> None:
    before, after = by_id(adopted.before["deployments"]), by_id(table_rows(adopted.database, "deployments"))
    told = {number: (row["status"], row["outcome"]) for number, row in after.items()}
    assert told == {1: ("success", ""), 2: ("failure", ""), 3: ("pending", "in_progress"), 4: ("pending", "queued")}
    for number, row in before.items():
        mapped = {**row, "author": row["actor"], "commit_sha": row["commit_sha"] or "", "status": told[number][0]}
        mapped.pop("actor")
        assert {name: after[number][name] for name in mapped} == mapped


def test_integrations_keep_their_mapping(adopted: Adopted) -> None:
    (before,) = adopted.before["service_github_integrations"]
    (after,) = table_rows(adopted.database, "github_integrations")
    assert {name: after[name] for name in before} == before
    assert after["webhook_secret_hash"] == ""


def test_deliveries(adopted: Adopted) -> None:
    found = rows(adopted.database, DELIVERIES)
    assert [row[:3] for row in found] == [
        ("github", "d-1", "workflow_run"),
        ("github", "d-2", "ping"),
        ("gitlab", "gitlab:d-1", "push"),
    ]
    assert [str(row[3])[0] for row in found] == ["1", "2", "3"]
    before = {row.get("received_at") or row["created_at"] for row in adopted.before["webhook_deliveries"]}
    assert {row["created_at"] for row in table_rows(adopted.database, "webhook_deliveries")} == before
    if isinstance(adopted.before["webhook_deliveries"][0]["id"], int):
        ids = {row["id"][-12:] for row in table_rows(adopted.database, "webhook_deliveries")}
        assert {int(each, 16) for each in ids} == {1, 2, 3}


def test_rules_have_documented_parameters(adopted: Adopted) -> None:
    after = by_id(table_rows(adopted.database, "alert_rules"))
    assert {number: row["params_json"] for number, row in after.items()} == {
        1: {"threshold": 2, "window_minutes": 15},
        2: {"threshold": 500},
        3: {"window_minutes": 30, "note": "kept"},
        4: {"threshold": "a few"},
        5: {},
    }
    for number, row in by_id(adopted.before["alert_rules"]).items():
        assert {name: after[number][name] for name in row if name != "params_json"} == {
            name: value for name, value in row.items() if name != "params_json"
        }


def test_references_to_what_is_gone_are_nulled_and_kept_in_notes(adopted: Adopted) -> None:
    for table, column in (
        ("audit_logs", "org_id"),
        ("audit_logs", "actor_user_id"),
        ("incident_events", "actor_user_id"),
    ):
        gone = [row for row in adopted.before[table] if str(row[column]).startswith(("1999", "2999"))]
        (before,) = gone
        after = by_id(table_rows(adopted.database, table))[before["id"]]
        assert after[column] is None
        sql = "SELECT old_value FROM adoption_notes WHERE (table_name, column_name, row_key) = (%r, %r, '%s')"
        assert rows(adopted.database, sql % (table, column, before["id"])) == [(before[column],)]


def test_audit_rows_say_what_they_said(adopted: Adopted) -> None:
    after = by_id(table_rows(adopted.database, "audit_logs"))
    for number, row in by_id(adopted.before["audit_logs"]).items():
        now = after[number]
        assert (now["resource_type"], now["resource_id"]) == (row["target_type"], row["target_id"])
        same = ("action", "meta_json", "created_at")
        assert [now[name] for name in same] == [row[name] for name in same]


def test_job_runs_keep_when_and_for_whom(adopted: Adopted) -> None:
    before, after = by_id(adopted.before["cron_runs"]), by_id(table_rows(adopted.database, "cron_runs"))
    for number, row in before.items():
        mapped = {**row, "job_name": row["name"], "duration_ms": 1500 if number == 1 else None}
        mapped.pop("name")
        assert {name: after[number][name] for name in mapped} == mapped


def test_channels_and_jobs(adopted: Adopted) -> None:
    channels = by_id(table_rows(adopted.database, "notification_channels"))
    for before in adopted.before["notification_channels"]:
        after = channels[before["id"]]["config_json"]
        url = before["config_json"]["webhookUrl"]
        assert url not in json.dumps(after)
        assert after["webhook_host"] == urlsplit(url).hostname
        others = {name: value for name, value in before["config_json"].items() if name != "webhookUrl"}
        assert others.items() <= after.items()
        assert channels[before["id"]]["enabled"]
    jobs = by_id(table_rows(adopted.database, "notification_jobs"))
    for before in adopted.before["notification_jobs"]:
        after = jobs[before["id"]]
        assert after["type"] == before["payload_json"].get("event", "incident.created")
        assert before["payload_json"].items() <= after["payload_json"].items()
        kept = "pending" if before["id"][-1] in "12" else {"3": "failed", "4": "sent"}[before["id"][-1]]
        assert after["status"] == kept
    assert jobs["90000000-0000-4000-8000-000000000001"]["payload_json"]["path"] == "/incidents/1"
    assert "not there any more" in jobs["90000000-0000-4000-8000-000000000003"]["last_error"]


def test_migrating_again_changes_nothing(adopted: Adopted) -> None:
    shape, before = catalog(adopted.database), contents(adopted.database)
    migrate(adopted.database)
    call_command("migrate", database=adopted.database.alias, check_unapplied=True, verbosity=0)
    assert catalog(adopted.database) == shape
    assert contents(adopted.database) == before
