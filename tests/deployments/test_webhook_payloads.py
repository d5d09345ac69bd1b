"""Deliveries that come twice, that are large, or that are not what GitHub would send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from tests.deployments.github import PATH, deliver, encode, payload
from tests.deployments.hooks import GOOD, SEEN, only_line

pytestmark = pytest.mark.django_db


# -- How it comes ----------------------------------------------------------------------------------------------------


def test_the_same_delivery_twice(integration: GitHubIntegration) -> None:
    answers = [deliver(integration, "push", payload("push"), delivery_id="d-1").json() for _ in range(2)]
    assert answers == [GOOD, SEEN]
    assert Deployment.objects.count() == WebhookEffect.objects.count() == 1


def test_a_delivery_that_an_older_installation_received(integration: GitHubIntegration) -> None:
    WebhookDelivery.objects.create(delivery_id="d-1", event_type="push")
    assert deliver(integration, "push", payload("push"), delivery_id="d-1").json() == SEEN
    assert deliver(integration, "push", payload("push"), delivery_id="d-1").json() == SEEN
    assert not Deployment.objects.exists()


def test_redelivery_after_the_mapping_was_fixed(integration: GitHubIntegration) -> None:
    content = payload("push", ref="refs/heads/trunk")
    send = lambda: deliver(integration, "push", content, delivery_id="d-1").json()  # noqa: E731
    assert [send(), send()] == [GOOD, SEEN]
    integration.environment_mapping = {"trunk": "production"}
    integration.save()
    assert [send(), send()] == [GOOD, SEEN]
    assert only_line().result == "applied"
    assert Deployment.objects.count() == 1


def test_form_encoded(integration: GitHubIntegration) -> None:
    assert deliver(integration, "push", payload("push"), form=True).json() == GOOD
    assert Deployment.objects.count() == 1


def test_twenty_five_megabytes(integration: GitHubIntegration) -> None:
    content = payload("push", commits=[{"message": "x" * 1_000_000}] * 24)
    path = f"{PATH}?integration={integration.pk}"  # above 1 MB this is asked for
    assert deliver(integration, "push", content, path=path).json() == GOOD
    line = only_line()
    assert line.can_replay
    assert len(str(line.event_json)) < 2_000


def test_more_than_github_sends(integration: GitHubIntegration) -> None:
    assert deliver(integration, "push", b" " * (27 * 1024 * 1024)).status_code == 413


@pytest.mark.parametrize(
    ("event", "content"),
    [
        ("push", b"not JSON"),
        ("push", b""),
        ("push", b"[]"),
        ("push", b'"text"'),
        ("push", b"\xff\xfe"),
        ("push", b'{"repository":' + b"[" * 60_000),
        ("push", {}),
        ("push", {"repository": {"full_name": "northwind-labs/checkout"}}),
        ("push", payload("push", after=7)),
        ("push", payload("push", repository=None)),
        ("workflow_run", payload("workflow_run", workflow_run__id="14002917733")),
        ("workflow_run", payload("workflow_run", workflow_run__id=2**70)),
        ("workflow_run", payload("workflow_run", workflow_run__run_attempt=0)),
        ("workflow_run", payload("workflow_run", workflow_run__run_started_at="yesterday")),
        ("workflow_run", payload("workflow_run", workflow_run=[])),
        ("deployment", payload("deployment", deployment__environment=None)),
        ("deployment_status", payload("deployment")),
    ],
)
def test_payload_of_another_shape(integration: GitHubIntegration, event: str, content: Any) -> None:
    response = deliver(integration, event, content)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BAD_REQUEST"
    line = only_line()
    assert line.result == "invalid"
    assert line.reason
    assert not Deployment.objects.exists()


def test_nul_surrogates_and_huge_texts(integration: GitHubIntegration) -> None:
    message = "first\x00line " + "x" * 100_000
    content = encode(payload("push", head_commit__message=message)).replace(b"first", b"\\ud83d\\ude00")
    assert deliver(integration, "push", content).json() == GOOD
    deployment = Deployment.objects.get()
    assert deployment.commit_message is not None
    assert deployment.commit_message.startswith("\U0001f600\ufffdline xxx")
    assert len(deployment.commit_message) == 4_000


def test_address_that_is_not_a_web_address_is_dropped(integration: GitHubIntegration) -> None:
    content = payload("workflow_run", workflow_run__html_url="javascript:alert(1)")
    deliver(integration, "workflow_run", content)
    assert Deployment.objects.get().url is None


def test_times_in_the_future_are_now(integration: GitHubIntegration) -> None:
    content = payload("workflow_run", workflow_run__run_started_at="2999-01-01T00:00:00Z")
    deliver(integration, "workflow_run", content)
    assert Deployment.objects.get().created_at.year < 2999


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def fields_of(document: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in document.items():
        found.append(prefix + name)
        if isinstance(value, dict) and prefix.count("__") < 2:
            found += fields_of(value, f"{prefix}{name}__")
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_value_in_any_field_breaks_it(integration: GitHubIntegration, data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(["push", "workflow_run", "deployment", "deployment_status"]))
    field = data.draw(st.sampled_from(fields_of(payload(event))))
    response = deliver(integration, event, payload(event, **{field: data.draw(values)}))
    assert response.status_code in {200, 400}
