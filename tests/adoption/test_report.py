"""manage.py adoption_report before and after, on every shape."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from deployments.github.signatures import SecretState, is_signed_by, secret_state
from deployments.models import GitHubIntegration
from tests.adoption.shapes import build_running, contents, standing_in
from tests.support.databases import catalog, documented_tables, migrate, rows, scratch_database


@contextmanager
def installation(sql: str | None) -> Iterator[BaseDatabaseWrapper]:
    with scratch_database() as database:
        if sql is None:
            build_running(database, "numbered")
        else:
            with database.cursor() as cursor:
                cursor.execute(sql)
        with standing_in(database):
            yield database


def told() -> tuple[int, str]:
    output = StringIO()
    try:
        call_command("adoption_report", stdout=output)
    except SystemExit as end:
        return int(str(end.code)), output.getvalue()
    return 0, output.getvalue()


@pytest.fixture(autouse=True)
def unblocked(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    settings.GITHUB_WEBHOOK_SECRET = ""
    monkeypatch.setenv("API_KEY_SALT", "old-salt")
    with django_db_blocker.unblock():
        yield


def test_empty_database_has_nothing_to_tell() -> None:
    with installation("SELECT 1"):
        assert told() == (0, "Found: an empty database\n")


def test_running_installation_before_and_after(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    with installation(None) as database:
        shape, rows = catalog(database), contents(database)
        code, before = told()
        assert (catalog(database), contents(database)) == (shape, rows)
        assert code == 1
        assert "a running installation (webhook_deliveries with numbers)" in before
        assert "Will be changed" in before
        for words in (
            "audit_logs: target_type is called resource_type",
            "deployments: 1 deployments that were queued are pending",
            "github_integrations: 1 integrations come from service_github_integrations",
            "audit_logs: org_id of 1 rows: what it names is not in orgs any more",
            "twin@example.com are different accounts",
            "The rule Unreadable (4) cannot be read",
            "the webhook of Old/api has no secret: deliveries are refused",
            "the message “x” waits for a channel that is not there",
        ):
            assert words in before
        assert "API_KEY_SALT" not in before
        assert "RECEIVER" not in before

        migrate(database)
        code, after = told()
        assert code == 1
        assert "Found: migrated" in after
        assert "\nChanged\n" in after
        line = next(line for line in after.splitlines() if line.startswith("service_github_integrations"))
        assert line.split()[1:] == ["1", "1", "1"]
        line = next(line for line in after.splitlines() if line.startswith("logs "))
        assert line.split()[1:] == ["300", "300", "300"]
        settings.GITHUB_WEBHOOK_SECRET = "old"
        monkeypatch.delenv("API_KEY_SALT")
        _, after = told()
        assert "counts on GITHUB_WEBHOOK_SECRET" in after
        assert "Set API_KEY_SALT" in after


def test_documented_database_is_well_unless_rows_get_lost() -> None:
    with installation(documented_tables() + "INSERT INTO orgs (name) VALUES ('Old');") as database:
        code, before = told()
        assert (code, "Will be changed" in before) == (0, False)
        assert "the documented tables, not migrated" in before
        migrate(database)
        output = StringIO()
        call_command("adoption_report", json=True, stdout=output)
        found = json.loads(output.getvalue())
        assert found["counts"] == [{"table": "orgs", "before": 1, "after": 1, "now": 1}]
        assert found["exit_code"] == 0

        with database.cursor() as cursor:
            cursor.execute("UPDATE adopted_tables SET rows_before = 2, rows_after = NULL")
        with pytest.raises(CommandError, match="orgs: 2 before, 1 now"):
            migrate(database)
        code, text = told()
        assert (code, "MISSING" in text) == (2, True)


def test_what_cannot_work_is_reported_before() -> None:
    no_address = "ALTER TABLE users ALTER email DROP NOT NULL; INSERT INTO users (password_hash) VALUES ('x');"
    with installation(documented_tables() + no_address) as database:
        code, text = told()
        assert code == 2
        assert "The takeover cannot work" in text
        assert "email" in text
        assert catalog(database)["columns"]


def test_a_reference_that_cannot_be_empty_is_kept_and_reported() -> None:
    nobody = """
        ALTER TABLE org_members DROP CONSTRAINT org_members_user_id_fkey;
        INSERT INTO orgs (id, name) VALUES ('10000000-0000-4000-8000-000000000001', 'Old');
        INSERT INTO org_members (org_id, user_id, role)
        VALUES ('10000000-0000-4000-8000-000000000001', '29999999-0000-4000-8000-000000000009', 'admin');
    """
    with installation(documented_tables() + nobody):
        code, text = told()
        assert code == 1
        assert "org_members: org_members_user_id_fkey does not hold for some old rows" in text
        assert "org_members: user_id of 1 rows: what it names is not in users any more" in text


def test_an_integration_signed_by_the_old_software_needs_a_new_secret() -> None:
    theirs = """
        INSERT INTO orgs (id, name) VALUES ('10000000-0000-4000-8000-000000000001', 'Old');
        INSERT INTO services (id, org_id, name) VALUES
            ('40000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'api');
        INSERT INTO github_integrations (id, service_id, repo_owner, repo_name, webhook_secret_hash)
        VALUES (gen_random_uuid(), '40000000-0000-4000-8000-000000000001', 'old', 'api', 'a hash that we did not make');
    """
    words = "Old, api: the webhook of old/api was signed with a secret that only the old software knew."
    with installation(documented_tables() + theirs) as database:
        code, text = told()
        assert (code, words in text) == (1, True)
        migrate(database)
        code, text = told()
        assert (code, words in text) == (1, True)
        integration = GitHubIntegration.objects.get()
        body = b'{"zen": "Keep it logically awesome."}'
        assert secret_state(integration) == SecretState.LOST
        assert not is_signed_by(integration, body, "sha256=" + hmac.new(b"theirs", body, "sha256").hexdigest())


def test_orphaned_logs_are_set_aside_and_reported() -> None:
    strays = """
        INSERT INTO orgs (id, name) VALUES ('10000000-0000-4000-8000-000000000001', 'Old');
        INSERT INTO logs (org_id, ts, level, message) VALUES
            ('10000000-0000-4000-8000-000000000001', now(), 'info', 'ours'), (NULL, now(), 'info', 'whose?');
    """
    with installation(documented_tables() + strays) as database:
        code, _ = told()
        assert code == 0  # they are found by the takeover only, which sets them aside
        migrate(database)
        code, text = told()
        assert code == 1
        assert "1 logs had neither an organisation nor a service. They are in the table logs_of_nobody." in text
        line = next(line for line in text.splitlines() if line.startswith("logs "))
        assert line.split()[1:] == ["2", "2", "2"]  # none is lost
        assert rows(database, "SELECT message FROM logs_of_nobody") == [("whose?",)]
