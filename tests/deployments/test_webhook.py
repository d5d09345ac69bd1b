"""GitHub's events become deployments."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.models import Deployment, GitHubIntegration, WebhookEffect
from pulseops.core.extensions import AFTER_DEPLOYMENT
from tests.deployments.github import SHA, deliver, payload, run_event
from tests.deployments.hooks import GOOD, only_line

pytestmark = pytest.mark.django_db


# -- What each event does --------------------------------------------------------------------------------------------


def test_ping_is_answered_and_logged(integration: GitHubIntegration) -> None:
    response = deliver(integration, "ping", payload("ping"))
    assert (response.status_code, response.json()) == (200, GOOD)
    assert only_line().reason == "GitHub reaches this webhook, and the signature is right."
    assert not Deployment.objects.exists()


def test_push_begins_a_deployment(integration: GitHubIntegration) -> None:
    assert deliver(integration, "push", payload("push"), delivery_id="d-1").json() == GOOD
    deployment = Deployment.objects.get()
    assert (deployment.org, deployment.service) == (integration.service.org, integration.service)
    assert (deployment.environment.name, deployment.status, deployment.branch) == ("production", "pending", "main")
    assert (deployment.commit_sha, deployment.author) == (SHA, "Ada Lindqvist")
    assert deployment.title == "Retry a payment once when the provider times out"
    assert deployment.created_at.isoformat() == "2026-03-17T10:02:11+00:00"
    assert deployment.github_delivery_id == "d-1"
    assert only_line().deployment == deployment


def test_a_run_ends_in_success_with_its_times(integration: GitHubIntegration) -> None:
    deliver(integration, "workflow_run", payload("workflow_run"))
    deployment = Deployment.objects.get()
    assert (deployment.status, deployment.run_id, deployment.run_attempt) == ("success", 14002917733, 1)
    assert deployment.run_label == "Deploy #412"
    assert deployment.duration_seconds == 273
    assert deployment.url == "https://github.com/northwind-labs/checkout/actions/runs/14002917733"


@pytest.mark.parametrize(
    ("conclusion", "status", "label"),
    [
        ("success", "success", "Success"),
        ("neutral", "success", "Neutral"),
        ("failure", "failure", "Failure"),
        ("timed_out", "failure", "Timed out"),
        ("startup_failure", "failure", "Startup failure"),
        ("cancelled", "failure", "Cancelled"),
        ("action_required", "pending", "Pending"),
    ],
)
def test_conclusion_of_a_run(integration: GitHubIntegration, conclusion: str, status: str, label: str) -> None:
    deliver(integration, "workflow_run", run_event("completed", conclusion=conclusion))
    deployment = Deployment.objects.get()
    assert (deployment.status, deployment.state_label) == (status, label)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("queued", "pending"),
        ("in_progress", "pending"),
        ("waiting", "pending"),
        ("success", "success"),
        ("failure", "failure"),
        ("error", "failure"),
    ],
)
def test_state_of_a_deployment(integration: GitHubIntegration, state: str, status: str) -> None:
    deliver(integration, "deployment", payload("deployment"))
    deliver(integration, "deployment_status", payload("deployment_status", deployment_status__state=state))
    assert Deployment.objects.get().status == status


def test_a_superseded_deployment_stays_as_it_was(integration: GitHubIntegration) -> None:
    deliver(integration, "deployment_status", payload("deployment_status"))
    deliver(integration, "deployment_status", payload("deployment_status", deployment_status__state="inactive"))
    assert Deployment.objects.get().status == "success"


def test_every_event_of_one_commit_is_one_deployment(integration: GitHubIntegration) -> None:
    for event in ("ping", "push", "workflow_run", "deployment", "deployment_status"):
        assert deliver(integration, event, payload(event)).json() == GOOD
    deployment = Deployment.objects.get()
    assert (deployment.status, deployment.source, deployment.author) == ("success", "deployment", "Ada Lindqvist")
    assert WebhookEffect.objects.filter(deployment=deployment).count() == 4


def test_a_deployment_that_names_no_run_joins_its_commit(integration: GitHubIntegration) -> None:
    """Other programs than Actions make deployments too; they know of no run."""
    deliver(integration, "workflow_run", run_event("completed", conclusion="success"))
    for event in ("deployment", "deployment_status"):
        deliver(integration, event, payload(event, workflow=None, workflow_run=None))
    assert Deployment.objects.get().github_deployment_id == 2217450981


def test_other_apps_are_notified_of_each_end_once(integration: GitHubIntegration) -> None:
    told: list[Any] = []
    AFTER_DEPLOYMENT.add(told.append)
    try:
        for content in (run_event("requested"), *[run_event("completed", conclusion="failure")] * 3):
            deliver(integration, "workflow_run", content)
    finally:
        AFTER_DEPLOYMENT.added.remove(told.append)
    assert told == [integration.service.org_id]


def test_a_rerun_is_a_deployment_of_its_own(integration: GitHubIntegration) -> None:
    deliver(integration, "workflow_run", run_event("completed", conclusion="failure"))
    deliver(integration, "workflow_run", run_event("completed", attempt=2, conclusion="success"))
    rows = Deployment.objects.order_by("run_attempt").values_list("run_attempt", "status")
    assert list(rows) == [(1, "failure"), (2, "success")]
