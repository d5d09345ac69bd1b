"""After the migration people and machines go on with what they have: passwords, cookies, keys, rules, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from alerts.evaluate import evaluate
from alerts.models import AlertFiring, AlertRule
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery
from incidents.models import Incident
from logs.models import LogEntry
from notifications.delivery import deliver_due
from notifications.models import Job
from tests.adoption.shapes import build_running, standing_in
from tests.deployments.github import run_event
from tests.support import receivers
from tests.support.databases import migrate, scratch_database

COOKIE, KEY = "c0" * 32, "pol_" + "5a" * 32


@pytest.fixture(scope="module")
def receiver() -> Iterator[receivers.Receiver]:
    with receivers.receiver() as server:
        yield server


@pytest.fixture(scope="module")
def migrated(receiver: receivers.Receiver, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A migrated installation is the product's database for all tests of this file."""
    with django_db_blocker.unblock(), scratch_database() as database:
        build_running(database, "uuid", receiver_url=receiver.url)
        migrate(database)
        with standing_in(database):
            yield


@pytest.fixture(autouse=True)
def environment(migrated: None, settings: Settings) -> None:
    """What the operator carries over."""
    settings.API_KEY_SALT = "old-salt"
    settings.GITHUB_WEBHOOK_SECRET = "old-webhook-secret"
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    cache.clear()


@pytest.mark.parametrize(
    ("login", "password", "user"),
    [
        ("Ada@Example.com", "correct horse 2a", 1),
        ("ada@example.com", "correct horse 2a", 1),
        ("twin@example.com", "correct horse 2b", 2),
        ("Twin@Example.com", "correct horse 2y", 3),
        ("long@example.com", "long " * 20, 4),
    ],
)
def test_old_passwords_sign_in(login: str, password: str, user: int) -> None:
    client = Client()
    response = client.post("/login", {"login": login, "password": password})
    assert (response.status_code, response["location"]) == (302, "/dashboard")
    assert client.session["_auth_user_id"] == f"20000000-0000-4000-8000-00000000000{user}"


def test_wrong_spelling_of_twins_and_wrong_passwords_do_not() -> None:
    for login, password in (("TWIN@example.com", "correct horse 2b"), ("Ada@Example.com", "correct horse")):
        assert Client().post("/login", {"login": login, "password": password}).status_code == 200


def test_an_old_cookie_is_signed_in_where_it_was() -> None:
    client = Client()
    client.cookies["pulseops_session"] = COOKIE
    page = client.get("/services")
    assert page.status_code == 200
    assert page.wsgi_request.user.email == "Ada@Example.com"
    assert "Other &amp; Sons &lt;script&gt;" in page.content.decode()
    assert client.get("/services").status_code == 200  # as well after the session has been written
    assert Client(headers={"cookie": f"pulseops_session={'00' * 32}"}).get("/services").status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard", "/services", "/logs", "/deployments", "/settings/audit", "/orgs/members", "/account/sessions",
        "/services/40000000-0000-4000-8000-000000000001", "/deployments/1", "/deployments/4",
        "/incidents", "/incidents/1", "/incidents/3", "/alerts", "/settings/notifications", "/alerts/1", "/alerts/4",
        "/services/40000000-0000-4000-8000-000000000001/github",
    ],
)  # fmt: skip
def test_every_page_shows_old_data(path: str) -> None:
    client = Client()
    client.post("/login", {"login": "Ada@Example.com", "password": "correct horse 2a"})
    page = client.get(path, {"org": "10000000-0000-4000-8000-000000000001"}, follow=True)
    assert page.status_code == 200
    assert "<script>alert(1)" not in page.content.decode()


def test_an_old_key_sends_and_an_old_rule_fires() -> None:
    logs = [{"level": "error", "message": f"after the move {n}"} for n in range(3)]
    response = Client().post(
        "/api/v1/logs/ingest", json.dumps({"logs": logs}), content_type="application/json", headers={"x-api-key": KEY}
    )
    assert (response.status_code, response.json()) == (200, {"data": {"accepted": 3}})
    assert LogEntry.objects.filter(message__startswith="after the move").count() == 3

    report = evaluate()
    assert set(report.skipped) == {4}
    assert 1 in {each["ruleId"] for each in report.triggered}
    firing = AlertFiring.objects.get(rule=1, environment_id="50000000-0000-4000-8000-000000000001")
    assert firing.incident
    assert (firing.incident.pk, firing.incident.title) == (1, "Alert: Text")  # it was open, and goes on
    assert firing.incident.detections == 1
    assert Incident.objects.filter(rule_id=1).live().count() == 1
    assert AlertRule.objects.get(pk=4).problem
    assert Incident.objects.filter(pk__in=[1, 2, 3]).count() == 3


def test_a_webhook_of_an_old_integration_is_received() -> None:
    body = run_of_old(main_run=30433642, head_sha="d" * 40)
    assert deliver(body, "refused", secret="another").status_code == 401
    assert deliver(body, "fresh").json() == {"data": {"ok": True}}
    assert deliver(body, "fresh").json() == {"data": {"ok": True, "deduped": True}}
    deployment = Deployment.objects.get(commit_sha="d" * 40)
    assert (deployment.environment.name, deployment.status) == ("Production", "success")
    assert WebhookDelivery.objects.get(delivery_id="fresh").integration == GitHubIntegration.objects.get()
    assert deliver(run_of_old(main_run=1, head_sha="a" * 40), "d-1").json() == {"data": {"ok": True, "deduped": True}}


def test_a_run_that_was_under_way_ends_where_it_began() -> None:
    assert deliver(run_of_old(main_run=3, head_sha="c" * 40), "end-of-3").json() == {"data": {"ok": True}}
    deployment = Deployment.objects.get(commit_sha="c" * 40)
    assert (deployment.pk, deployment.status, deployment.outcome) == (3, "success", "")
    assert deployment.finished_at


def run_of_old(*, main_run: int, head_sha: str) -> bytes:
    """The end of a run on the old integration's main branch."""
    return json.dumps(
        run_event(
            "completed",
            conclusion="success",
            workflow_run__id=main_run,
            workflow_run__head_sha=head_sha,
            workflow_run__head_branch="main",
            repository__full_name="Old/api",
            repository__name="api",
            repository__owner__login="Old",
        )
    ).encode()


def deliver(body: bytes, delivery: str, *, secret: str = "old-webhook-secret") -> receivers.Any:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-event": "workflow_run",
        "x-github-delivery": delivery,
        "x-hub-signature-256": f"sha256={signature}",
    }
    return Client().post("/api/v1/github/webhook", body, content_type="application/json", headers=headers)


def test_old_messages_are_delivered_once_or_failed_with_the_reason(receiver: receivers.Receiver) -> None:
    old = Job.objects.filter(pk__startswith="9000")
    Job.objects.exclude(pk__in=old).update(status=Job.Status.SENT)  # what other tests have caused
    old.filter(status="pending").update(next_attempt_at=timezone.now())
    deliver_due(20)
    deliver_due(20)
    told = {str(job.pk)[-1]: (job.status, job.last_error) for job in old}
    assert told["1"] == told["4"] == ("sent", None)
    assert told["2"][0] == "failed"
    assert told["2"][1]
    assert told["3"] == ("failed", "The channel of this message is not there any more.")
    (message,) = [each for each in receiver.received if b"[HIGH] Text" in each.body]
    assert b"localhost:3000" not in message.body
    assert b"/incidents/1" in message.body
