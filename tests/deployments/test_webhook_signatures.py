"""Deliveries are believed by their signature alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Org
from deployments.github.signatures import derive_secret
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery
from tests.deployments.github import PATH, deliver, encode, headers, make_integration, payload, sign
from tests.deployments.hooks import GOOD, SEEN, only_line
from tests.support.factories import make_org

pytestmark = pytest.mark.django_db


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
