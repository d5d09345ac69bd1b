"""Everywhere that a suspended organisation could go on: each route of machines, each page, each job and each mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as product
from django.core import mail
from django.test import Client

from accounts.actions.invitations import invite
from accounts.actions.orgs import resume_org, suspend_org
from accounts.models import Org, Role, User
from accounts.tasks import send_invitation
from alerts.models import AlertFiring, AlertRule
from alerts.tasks import evaluate_alerts
from deployments.github.signatures import derive_secret
from deployments.models import Deployment, GitHubIntegration, WebhookEffect
from logs.models import LogEntry
from notifications.actions import send_test
from notifications.models import Channel, Job
from notifications.tasks import ask_addresses, deliver_notifications
from pulseops.core.jobs.registry import REGISTRY
from tests.deployments.github import make_integration
from tests.fuzz.machines import Seed, machine_paths, seeds, signed
from tests.support.factories import PASSWORD, make_key, make_log
from tests.visits.pages import pages

# Routes of machines that say the same to everybody: who asks does not matter to them.
_THE_SAME_FOR_ALL = {
    "/api/health", "/readyz", "/loki/ready", "/ready", "/services/collector/health", "/services/collector/health/1.0",
    "/v1/traces", "/otlp/v1/traces", "/v1/metrics", "/otlp/v1/metrics", "/es", "/services/collector/ack", "/es/",
}  # fmt: skip
_OF_ITS_ORG = (LogEntry, Deployment, WebhookEffect, AlertFiring)

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", PASSWORD)


@pytest.fixture
def integration(org: Org) -> GitHubIntegration:
    return make_integration(org)


@pytest.fixture
def requests(integration: GitHubIntegration) -> list[Seed]:
    """A good request to every route of machines."""
    key = make_key(integration.service.environments.get(name="production"), scopes=["logs", "deployments"])
    return seeds(key, integration, product.INTERNAL_CRON_SECRET)


def answer(seed: Seed) -> Any:
    client = Client(raise_request_exception=False)
    headers = signed(seed, seed.body)
    return client.generic(
        seed.method, seed.path.split("?")[0], seed.body, seed.content_type, headers=headers,
        QUERY_STRING=seed.path.partition("?")[2],
    )  # fmt: skip


def rows() -> list[int]:
    return [model.objects.count() for model in _OF_ITS_ORG]


def test_no_route_of_machines_takes_anything(requests: list[Seed], org: Org, root: User) -> None:
    suspend_org(actor=root, org=org, reason="")
    before, taken = rows(), []
    for seed in requests:
        path = seed.path.split("?")[0]
        if seed.method != "POST" or path in _THE_SAME_FOR_ALL or "cron" in path or not seed.headers:
            continue
        response = answer(seed)
        if response.status_code < 300 and path not in {"/api/v1/rules/evaluate", "/api/v1/notifications/process"}:
            taken.append((seed.path, response.status_code))
    assert taken == []
    assert rows() == before
    assert {seed.path.split("?")[0] for seed in requests} >= machine_paths() - _THE_SAME_FOR_ALL, "none is left out"


def test_the_same_requests_are_taken_when_it_is_resumed(requests: list[Seed], org: Org, root: User) -> None:
    suspend_org(actor=root, org=org, reason="")
    resume_org(actor=root, org=org)
    taken = {seed.path.split("?")[0] for seed in requests if answer(seed).status_code < 300}
    assert {"/api/v1/logs/ingest", "/api/v1/deployments", "/api/v1/github/webhook", "/loki/api/v1/push"} <= taken


@pytest.mark.parametrize("is_hinted", [False, True])
def test_a_signed_delivery_is_refused_by_name(requests: list[Seed], org: Org, root: User, *, is_hinted: bool) -> None:
    suspend_org(actor=root, org=org, reason="")
    delivery = next(seed for seed in requests if "github" in seed.path and ("integration" in seed.path) == is_hinted)
    refused = answer(delivery)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert "suspended" in refused.json()["error"]["message"]
    assert not WebhookEffect.objects.exists()


def test_another_organisation_of_the_same_repository_gets_its_delivery(
    requests: list[Seed], org: Org, root: User
) -> None:
    suspend_org(actor=root, org=org, reason="")
    awake = Org.objects.create(name="Awake")
    theirs = make_integration(awake)
    delivery = next(seed for seed in requests if seed.path == "/api/v1/github/webhook")
    signed_by_them = Seed(delivery.path, delivery.body, headers=delivery.headers, secret=derive_secret(theirs))
    assert answer(signed_by_them).status_code == 200
    assert [each.integration for each in WebhookEffect.objects.all()] == [theirs]


def test_every_page_says_why(client_for: Callable[[User], Client], org: Org, admin: User, root: User) -> None:
    suspend_org(actor=root, org=org, reason="Unpaid bill")
    client, missed = client_for(admin), []
    for page in pages({}):
        if getattr(page.view, "required_role", None) is None:
            continue
        response = client.get(page.address)
        response = client.post(page.address) if response.status_code == 405 else response
        if response.status_code != 403 or b"Unpaid bill" not in response.content:
            missed.append((page.name, response.status_code))
    assert missed == []


def test_jobs_leave_it_alone(org: Org, admin: User, root: User, integration: GitHubIntegration) -> None:
    params = {"level": "error", "threshold": 1, "window_minutes": 5}
    rule = AlertRule.objects.create(org=org, name="x", type="error_count", params_json=params, severity="med")
    make_log(integration.service, "boom", level="error")
    channel = Channel.objects.create(
        org=org, type="slack", name="x", config_json={"webhook_url": "https://hooks.slack.com/services/T/B/x"}
    )
    send_test(actor=admin, channel=channel)
    suspend_org(actor=root, org=org, reason="")
    assert (evaluate_alerts() or {})["evaluated"] == 0
    assert (deliver_notifications() or {})["processed"] == 0
    cron = {"x-internal-cron-secret": product.INTERNAL_CRON_SECRET}
    for path in ("/api/internal/cron/evaluate", "/api/internal/cron/notifications", "/api/v1/rules/evaluate"):
        assert Client().post(path, headers=cron).status_code == 200
    assert not AlertFiring.objects.filter(rule=rule).exists()
    assert Job.objects.get().status == "pending"
    assert {job for job in REGISTRY if job.startswith(("evaluate", "deliver"))} == {
        "evaluate_alerts", "deliver_notifications",
    }, "a new one that works for organisations belongs here"  # fmt: skip


def test_no_mail_goes_out_for_it(org: Org, admin: User, root: User, settings: Any) -> None:
    settings.EMAIL_URL = "smtp://mail.example"
    channel = Channel.objects.create(org=org, type="email", name="x", config_json={"to": ["new@example.org"]})
    invitation, _ = invite(actor=admin, org=org, email="colleague@example.org", role=Role.VIEWER)
    suspend_org(actor=root, org=org, reason="")
    send_invitation(str(invitation.pk))
    ask_addresses(str(channel.pk), ["new@example.org"])
    assert mail.outbox == []
    invitation.refresh_from_db()
    assert invitation.mail_problem == "The organisation is suspended."
    resume_org(actor=root, org=org)
    ask_addresses(str(channel.pk), ["new@example.org"])
    send_invitation(str(invitation.pk))
    assert len(mail.outbox) == 2
