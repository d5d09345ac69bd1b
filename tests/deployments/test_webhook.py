"""POST /api/v1/github/webhook: who is believed, what is answered, what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Org
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from deployments.signatures import derive_secret
from pulseops.core.extensions import AFTER_DEPLOYMENT
from tests.deployments.github import PATH, SHA, deliver, encode, headers, make_integration, payload, run_event, sign
from tests.factories import make_org

pytestmark = pytest.mark.django_db
GOOD = {"data": {"ok": True}}
SEEN = {"data": {"ok": True, "deduped": True}}


def only_line() -> WebhookEffect:
    return WebhookEffect.objects.get()


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


def test_other_apps_are_told_of_each_end_once(integration: GitHubIntegration) -> None:
    told: list[Any] = []
    AFTER_DEPLOYMENT.add(told.append)
    try:
        for content in (run_event("requested"), *[run_event("completed", conclusion="failure")] * 3):
            deliver(integration, "workflow_run", content)
    finally:
        AFTER_DEPLOYMENT.functions.remove(told.append)
    assert told == [integration.service.org_id]


def test_a_rerun_is_a_deployment_of_its_own(integration: GitHubIntegration) -> None:
    deliver(integration, "workflow_run", run_event("completed", conclusion="failure"))
    deliver(integration, "workflow_run", run_event("completed", attempt=2, conclusion="success"))
    rows = Deployment.objects.order_by("run_attempt").values_list("run_attempt", "status")
    assert list(rows) == [(1, "failure"), (2, "success")]


# -- Where it goes ---------------------------------------------------------------------------------------------------


def test_repository_names_match_without_regard_to_case(org: Org) -> None:
    integration = make_integration(org, owner="Northwind-LABS", name="CheckOut")
    deliver(integration, "push", payload("push"))
    assert Deployment.objects.count() == 1


def test_github_environment_goes_before_the_branch(integration: GitHubIntegration) -> None:
    deliver(
        integration,
        "deployment",
        payload("deployment", deployment__environment="Staging"),
    )
    assert Deployment.objects.get().environment.name == "staging"


def test_github_environment_may_have_another_name_here(org: Org) -> None:
    integration = make_integration(org, environment_names={"prod-eu": "production"})
    deliver(integration, "deployment", payload("deployment", deployment__environment="Prod-EU"))
    assert Deployment.objects.get().environment.name == "production"


@pytest.mark.parametrize(
    ("event", "content", "reason"),
    [
        ("push", payload("push", ref="refs/heads/feature/x"), "The branch feature/x is not mapped to an environment."),
        ("push", payload("push", ref="refs/tags/v1"), "refs/tags/v1 is not a branch."),
        ("push", payload("push", deleted=True, after="0" * 40, head_commit=None), "main was deleted."),
        (
            "deployment",
            payload("deployment", deployment__environment="github-pages"),
            "No environment here goes by GitHub's name github-pages.",
        ),
        (
            "workflow_run",
            payload("workflow_run", workflow_run__event="pull_request"),
            "The run is a pull request's: it deploys nothing.",
        ),
        (
            "workflow_run",
            payload("workflow_run", workflow_run__head_repository={"id": 7, "full_name": "mallory/checkout"}),
            "The run is a pull request's: it deploys nothing.",
        ),
        ("issues", {"action": "opened", **payload("ping")}, "The event issues is not used."),
        (
            "push",
            payload("push", repository__full_name="northwind-labs/website"),
            "It is of northwind-labs/website, not of northwind-labs/checkout.",
        ),
    ],
)
def test_what_is_not_ours_is_kept_with_the_reason(
    integration: GitHubIntegration, event: str, content: Any, reason: str
) -> None:
    response = deliver(integration, event, content)
    assert (response.status_code, response.json()) == (200, GOOD)
    line = only_line()
    assert (line.result, line.reason, line.integration) == ("ignored", reason, integration)
    assert not Deployment.objects.exists()


def test_branch_mapped_to_an_environment_that_is_gone(integration: GitHubIntegration) -> None:
    integration.service.environments.filter(name="production").delete()
    deliver(integration, "push", payload("push"))
    assert only_line().reason == "The branch main is mapped to production, which this service does not have."


@pytest.mark.parametrize("mapping", [[], None, "main", {"main": 7}, {"main": None}])
def test_mappings_of_another_shape_map_nothing(integration: GitHubIntegration, mapping: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE github_integrations SET environment_mapping = %s::jsonb", [json.dumps(mapping)])
    assert deliver(integration, "push", payload("push")).json() == GOOD
    assert only_line().result == "ignored"


def test_a_renamed_environment_keeps_its_branches(org: Org) -> None:
    integration = make_integration(org, environment_names={"prod": "production"})
    environment = integration.service.environments.get(name="production")
    environment.name = "live"
    environment.save()
    integration.refresh_from_db()
    assert integration.environment_mapping == {"main": "live"}
    assert integration.environment_names == {"prod": "live"}
    deliver(integration, "push", payload("push"))
    assert Deployment.objects.get().environment == environment


def test_only_the_workflows_that_deploy_count(org: Org) -> None:
    integration = make_integration(org, workflows=["Release"])
    deliver(integration, "workflow_run", payload("workflow_run"))
    assert only_line().reason == "The workflow Deploy is not one of those that deploy."


def test_two_organisations_may_map_one_repository(integration: GitHubIntegration) -> None:
    other = make_integration(make_org("Other"))
    for each in (integration, other, integration):
        deliver(each, "workflow_run", payload("workflow_run"), delivery_id="same-guid")
    assert {d.org for d in Deployment.objects.all()} == {integration.service.org, other.service.org}
    assert Deployment.objects.count() == WebhookEffect.objects.count() == 2
    assert WebhookDelivery.objects.count() == 1
    assert WebhookEffect.objects.for_org(other.service.org).get().integration == other


# -- Who is believed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=abc",
        "sha256=" + "0" * 64,
        "sha256=" + "z" * 64,
        "sha1=" + "0" * 40,
        "sha256=" + "0" * 100_000,
        "sha256=\u00e9\u00ff",
        "RIGHT",
        "RIGHT without prefix",
    ],
)
def test_wrong_signature(integration: GitHubIntegration, signature: str) -> None:
    body = encode(payload("push"))
    right = sign(body, derive_secret(integration))
    signature = {"RIGHT": right.upper(), "RIGHT without prefix": right.removeprefix("sha256=")}.get(
        signature, signature
    )
    response = Client().post(PATH, body, content_type="application/json", headers=headers("push", signature))
    assert (response.status_code, response.json()) == (401, {"error": "Invalid signature"})
    assert not WebhookDelivery.objects.exists()
    integration.refresh_from_db()
    assert integration.last_refused_at


def test_missing_signature(integration: GitHubIntegration) -> None:
    sent = headers("push", "")
    del sent["X-Hub-Signature-256"]
    response = Client().post(PATH, b"not even JSON", content_type="application/json", headers=sent)
    assert (response.status_code, response.json()) == (401, {"error": "Invalid signature"})


@pytest.mark.parametrize("name", ["X-GitHub-Event", "X-GitHub-Delivery"])
@pytest.mark.parametrize("value", ["", " ", "x" * 201, "a\x00b"])
def test_missing_headers(integration: GitHubIntegration, name: str, value: str) -> None:
    body = encode(payload("push"))
    sent = {**headers("push", sign(body, derive_secret(integration))), name: value}
    response = Client().post(PATH, body, content_type="application/json", headers=sent)
    assert (response.status_code, response.json()) == (400, {"error": "Missing headers"})


def test_other_methods(client: Client) -> None:
    response = client.get(PATH)
    assert (response.status_code, response["Allow"]) == (405, "POST")


def test_the_old_secret_does_not_open_after_a_rotation(integration: GitHubIntegration) -> None:
    old = derive_secret(integration)
    integration.secret_version = 2
    assert derive_secret(integration) != old
    integration.save()
    assert deliver(integration, "push", payload("push")).status_code == 401  # the hash is still the first one's


def test_shared_secret_verifies_only_those_without_one_of_their_own(org: Org, settings: Any) -> None:
    settings.GITHUB_WEBHOOK_SECRET = "shared"
    old = make_integration(org, "old")
    GitHubIntegration.objects.filter(pk=old.pk).update(webhook_secret_hash="", secret_version=0)
    new = make_integration(make_org("New"), "new")
    assert deliver(old, "push", payload("push"), secret="shared").json() == GOOD
    assert [d.service for d in Deployment.objects.all()] == [old.service]
    assert not new.effects.exists()


def test_shared_secret_with_an_unmapped_repository_is_kept_for_nobody(db: None, settings: Any) -> None:
    settings.GITHUB_WEBHOOK_SECRET = "shared"
    body = encode(payload("push"))
    for answer in (GOOD, SEEN):
        sent = headers("push", sign(body, "shared"), "d-1")
        assert Client().post(PATH, body, content_type="application/json", headers=sent).json() == answer
    assert only_line().reason == "No integration maps the repository northwind-labs/checkout."


def test_no_shared_secret_means_that_the_empty_one_opens_nothing(org: Org) -> None:
    integration = make_integration(org)
    GitHubIntegration.objects.filter(pk=integration.pk).update(webhook_secret_hash="")
    body = encode(payload("push"))
    sent = headers("push", sign(body, ""))
    assert Client().post(PATH, body, content_type="application/json", headers=sent).status_code == 401


def test_the_address_names_the_integration(integration: GitHubIntegration) -> None:
    path = f"{PATH}?integration={integration.pk}"
    assert deliver(integration, "push", payload("push"), path=path).json() == GOOD
    assert deliver(integration, "push", payload("push"), path=path, secret="other").status_code == 401
    assert deliver(integration, "push", payload("push"), path=f"{PATH}?integration=nonsense").json() == GOOD


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


def test_redelivery_after_the_mapping_was_mended(integration: GitHubIntegration) -> None:
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
    assert deliver(integration, "push", content).json() == GOOD
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


def test_address_that_is_no_web_address_is_dropped(integration: GitHubIntegration) -> None:
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
