"""A superuser suspends an organisation: its members see why, its keys are refused, its rules and messages rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actions.orgs import resume_org, suspend_org
from accounts.models import AuditLog, Org, User
from alerts.evaluate import evaluate
from alerts.models import AlertRule
from notifications.actions import send_test
from notifications.claims import claim_message
from notifications.models import Channel
from tests.support.factories import PASSWORD, make_key, make_service
from tests.support.sign_in import signed_in


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", PASSWORD)


@pytest.mark.django_db
def test_members_see_why_on_every_page_and_others_see_nothing(
    client_for: Callable[[User], Client], viewer: User, outsider: User, org: Org, root: User
) -> None:
    suspend_org(actor=root, org=org, reason="Unpaid <b>bill</b>")
    for path in ("/dashboard", "/logs", "/services", "/alerts", "/orgs/members"):
        response = client_for(viewer).get(path)
        assert response.status_code == 403
        assert "Unpaid &lt;b&gt;bill" in response.content.decode()
    assert client_for(viewer).post("/logs/views", {"name": "x"}).status_code == 403
    assert client_for(viewer).get("/account").status_code == 200
    assert client_for(viewer).get("/orgs").status_code == 200
    assert client_for(outsider).get("/services").status_code == 200
    resume_org(actor=root, org=org)
    assert client_for(viewer).get("/services").status_code == 200


@pytest.mark.django_db
def test_keys_are_refused_at_once_and_work_again(client: Client, org: Org, root: User) -> None:
    key = make_key(make_service(org).environments.get(name="production"))

    def send() -> Any:
        return client.post(
            "/api/v1/logs/ingest", {"logs": [{"message": "x"}]}, "application/json", headers={"x-api-key": key}
        )

    assert send().status_code == 200
    suspend_org(actor=root, org=org, reason="")
    refused = send()
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert "suspended" in refused.json()["error"]["message"]
    resume_org(actor=root, org=org)
    assert send().status_code == 200


@pytest.mark.django_db
def test_rules_and_messages_rest(org: Org, admin: User, root: User) -> None:
    params = {"level": "error", "threshold": 1, "window_minutes": 5}
    AlertRule.objects.create(org=org, name="x", type="error_count", params_json=params, severity="med")
    channel = Channel.objects.create(
        org=org, type="slack", name="x", config_json={"webhook_url": "https://hooks.slack.com/services/T/B/x"}
    )
    send_test(actor=admin, channel=channel)
    suspend_org(actor=root, org=org, reason="")
    assert evaluate().evaluated == 0
    assert claim_message() is None
    resume_org(actor=root, org=org)
    assert evaluate().evaluated == 1
    assert claim_message() is not None


@pytest.mark.django_db
def test_the_django_admin_suspends_with_a_reason_and_it_is_audited(org: Org, root: User) -> None:
    client = signed_in(root)
    data = {"action": "suspend", "_selected_action": str(org.pk)}
    page = client.post("/admin/accounts/org/", data)
    assert "their members see why" in page.content.decode()
    org.refresh_from_db()
    assert org.suspended_at is None
    assert client.post("/admin/accounts/org/", {**data, "reason": "Spam"}).status_code == 302
    org.refresh_from_db()
    assert (bool(org.suspended_at), org.suspended_reason) == (True, "Spam")
    row = AuditLog.objects.for_org(org).get(action="org.suspended")
    assert row.actor_user == root
    assert row.meta_json == {"name": "Acme", "as": "superuser", "reason": "Spam"}
    client.post("/admin/accounts/org/", {**data, "action": "resume"})
    org.refresh_from_db()
    assert org.suspended_at is None
    assert AuditLog.objects.for_org(org).filter(action="org.resumed").exists()
