"""Whatever the order, and however often each delivery comes, a run's events end in the same deployments."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.github.webhook import Delivery, receive_delivery
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from tests.deployments.github import encode, payload, run_event

pytestmark = pytest.mark.django_db
Event = tuple[str, dict[str, Any]]

RUN: list[Event] = [
    ("push", payload("push")),
    ("workflow_run", run_event("requested")),
    ("workflow_run", run_event("in_progress")),
    ("workflow_run", run_event("completed", conclusion="failure")),
]
DEPLOYMENT: list[Event] = [
    ("deployment", payload("deployment")),
    ("deployment_status", payload("deployment_status", deployment_status__state="in_progress")),
    ("deployment_status", payload("deployment_status", deployment_status__state="success")),
    ("deployment_status", payload("deployment_status", deployment_status__state="inactive")),
]
ANOTHER_ATTEMPT: list[Event] = [
    ("workflow_run", run_event("requested", attempt=2, workflow_run__run_started_at="2026-03-17T11:00:00Z")),
    (
        "workflow_run",
        run_event("completed", attempt=2, conclusion="success", workflow_run__run_started_at="2026-03-17T11:00:00Z"),
    ),
]
OTHER_ENVIRONMENT: list[Event] = [
    (
        "deployment_status",
        payload("deployment_status", deployment_status__environment="staging", deployment_status__state="failure"),
    ),
]
COMPARED = [
    "environment__name",
    "run_id",
    "run_attempt",
    "status",
    "outcome",
    "source",
    "commit_sha",
    "commit_message",
    "author",
    "branch",
    "url",
    "run_label",
    "created_at",
    "started_at",
    "finished_at",
]


def result_of(integration: GitHubIntegration, events: Iterable[tuple[int, Event]]) -> list[dict[str, Any]]:
    """Receive numbered events on a clean table and return the deployments they come to."""
    for model in (WebhookEffect, WebhookDelivery, Deployment):
        model._default_manager.all().delete()
    for number, (event, content) in events:
        body = encode(content)
        receive_delivery(Delivery(f"delivery-{number}", event, body, body), [integration])
    return list(Deployment.objects.order_by("environment__name", "run_attempt").values(*COMPARED))


def test_all_permutations_of_a_run(integration: GitHubIntegration) -> None:
    numbered = list(enumerate(RUN))
    wanted = result_of(integration, numbered)
    assert [(row["status"], row["run_attempt"]) for row in wanted] == [("failure", 1)]
    for order in itertools.permutations(numbered):
        assert result_of(integration, order) == wanted


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_with_duplicates(integration: GitHubIntegration, data: st.DataObject) -> None:
    everything = list(enumerate(RUN + DEPLOYMENT + ANOTHER_ATTEMPT + OTHER_ENVIRONMENT))
    wanted = result_of(integration, everything)
    assert [(row["environment__name"], row["run_attempt"], row["status"]) for row in wanted] == [
        ("production", 1, "success"),  # the deployment's word goes before the run's
        ("production", 2, "success"),
        ("staging", 1, "failure"),
    ]
    again = data.draw(st.lists(st.sampled_from(everything), max_size=6))
    order = data.draw(st.permutations(everything + again))
    assert result_of(integration, order) == wanted


@pytest.mark.parametrize("late", ["requested", "in_progress"])
def test_a_final_state_never_goes_back(integration: GitHubIntegration, late: str) -> None:
    events: list[Event] = [
        ("workflow_run", run_event("completed", conclusion="success")),
        ("workflow_run", run_event(late)),
    ]
    assert [row["status"] for row in result_of(integration, enumerate(events))] == ["success"]


def test_when_the_status_was_learned_changes_with_the_status_alone(integration: GitHubIntegration) -> None:
    result_of(integration, enumerate([("workflow_run", run_event("completed", conclusion="failure"))]))
    learned = Deployment.objects.get().status_changed_at
    for number, event in enumerate(RUN, start=10):
        body = encode(event[1])
        receive_delivery(Delivery(f"delivery-{number}", event[0], body, body), [integration])
    assert Deployment.objects.get().status_changed_at == learned
