"""Deliveries are believed by their signature alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Org
from deployments.github import signatures
from deployments.github.signatures import derive_secret
from deployments.github.signer_lookup import named_integrations
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery
from tests.deployments.github import PATH, deliver, encode, headers, make_integration, payload, sign
from tests.deployments.hooks import GOOD, SEEN, only_line
from tests.support.cpu import BUDGET_SECONDS, cpu_of
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
    could_be_one = signature == "sha256=" + "0" * 64
    assert bool(integration.last_refused_at) == could_be_one  # else nothing of the body is read


@pytest.mark.parametrize("signature", [None, "", "sha1=" + "0" * 40])
def test_missing_signature(integration: GitHubIntegration, signature: str | None) -> None:
    """As GitHub sends where the webhook was given no secret: the address tells whose admin should know."""
    sent = headers("push", signature or "")
    if signature is None:
        del sent["X-Hub-Signature-256"]
    path = f"{PATH}?integration={integration.pk}"
    response = Client().post(path, b"not even JSON", content_type="application/json", headers=sent)
    assert (response.status_code, response.json()) == (401, {"error": "Invalid signature"})
    integration.refresh_from_db()
    assert integration.last_refused_at


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


def test_shared_secret_with_an_unmapped_repository_is_kept_for_no_one(db: None, settings: Any) -> None:
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


# -- What it costs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def many(org: Org) -> list[GitHubIntegration]:
    """Sixty integrations of one repository."""
    return [make_integration(org, f"service-{number}", owner="evil", name="repo") for number in range(60)]


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the length of each body that is hashed."""
    lengths: list[int] = []
    is_signed_with = signatures.is_signed_with

    def note(secret: str, body: bytes, signature: str) -> bool:
        lengths.append(len(body))
        return is_signed_with(secret, body, signature)

    monkeypatch.setattr(signatures, "is_signed_with", note)
    return lengths


def naming(repository: str, size: int) -> bytes:
    return f'{{"repository": {{"full_name": "{repository}"}}, "x": "'.encode().ljust(size - 2, b"a") + b'"}'


@pytest.mark.parametrize("repository", ["evil/repo", "nobody/knows"])
@pytest.mark.parametrize("size", [1_000, 64 * 1024, 1024 * 1024])
def test_strangers_make_us_hash_little(
    many: list[GitHubIntegration], monkeypatch: pytest.MonkeyPatch, repository: str, size: int
) -> None:
    lengths = hashed(monkeypatch)
    sent = headers("push", "sha256=" + "0" * 64)
    post = {"content_type": "application/json", "headers": sent}
    response, seconds = cpu_of(Client().post, PATH, naming(repository, size), within=BUDGET_SECONDS / 4, **post)
    assert response.status_code == 401
    assert len(lengths) <= 60 if size < 64 * 1024 else len(lengths) <= 20
    assert sum(lengths) <= 20 * max(size, 64 * 1024)
    assert seconds < BUDGET_SECONDS / 4


def test_a_large_body_is_read_for_a_named_integration_alone(many: list[GitHubIntegration]) -> None:
    """24 MB naming sixty services cost 7.3 s at e4c1cee, unsigned."""
    body = naming("evil/repo", 24 * 1024 * 1024)
    sent = headers("push", "sha256=" + "0" * 64)
    response, seconds = cpu_of(Client().post, PATH, body, content_type="application/json", headers=sent)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert seconds < BUDGET_SECONDS / 10
    path = f"{PATH}?integration={many[0].pk}"
    response, seconds = cpu_of(Client().post, path, body, content_type="application/json", headers=sent)
    assert response.status_code == 401
    assert seconds < BUDGET_SECONDS
    signed = headers("push", sign(body, derive_secret(many[0])))
    assert Client().post(path, body, content_type="application/json", headers=signed).status_code == 400


def test_who_maps_anothers_repository_does_not_keep_its_deliveries_from_being_tried(
    integration: GitHubIntegration,
) -> None:
    """An address without a hint, as older webhooks have it, and a body that few integrations are tried against."""
    squatters = make_org("Squatters")
    for number in range(30):
        make_integration(squatters, f"s{number}", owner=integration.repo_owner, name=integration.repo_name)
    body = naming(integration.repository, 200 * 1024)
    assert len(named_integrations(body)) == 20
    sent = headers("push", sign(body, derive_secret(integration)))
    response = Client().post(PATH, body, content_type="application/json", headers=sent)
    assert response.status_code == 400, "it is believed, though it says nothing"
    assert only_line().integration == integration


def test_integrations_of_a_deleted_organisation_are_nobodys(integration: GitHubIntegration) -> None:
    Org.objects.filter(pk=integration.service.org_id).update(deleted_at=timezone.now())
    for path in (PATH, f"{PATH}?integration={integration.pk}"):
        sent = headers("push", sign(b"{}", derive_secret(integration)))
        assert Client().post(path, b"{}", content_type="application/json", headers=sent).status_code == 401


def test_a_malformed_signature_is_refused_unread(integration: GitHubIntegration) -> None:
    body = naming(integration.repository, 24 * 1024 * 1024)
    path = f"{PATH}?integration={integration.pk}"
    sent = headers("push", "sha256=abc")
    response, seconds = cpu_of(Client().post, path, body, content_type="application/json", headers=sent)
    assert (response.status_code, response.json()) == (401, {"error": "Invalid signature"})
    assert seconds < BUDGET_SECONDS / 10


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("push", b'{"ref": "refs/heads/' + b"x" * 4_000_000 + b'", "after": "0", "repository": {}}'),
        ("push", b'{"action": [' + b"[]," * 1_500_000 + b"[]]}"),
        ("push", b'{"action": "' + b"x" * 4_000_000 + b'"}'),
        ("push", b'{"x":' * 500_000 + b"1" + b"}" * 500_000),
        ("workflow_run", b'{"workflow_run": {"id": 1, "head_sha": "a", "conclusion": "' + b"x" * 4_000_000 + b'"}}'),
        ("deployment_status", b'{"deployment_status": {"state": "' + b"x" * 4_000_000 + b'"}}'),
    ],
)
def test_what_a_large_payload_says_is_kept_short(integration: GitHubIntegration, event: str, body: bytes) -> None:
    """A tenant signs what it likes; a line of the delivery log stays a line."""
    path = f"{PATH}?integration={integration.pk}"
    sent = headers(event, sign(body, derive_secret(integration)))
    response, seconds = cpu_of(Client().post, path, body, content_type="application/json", headers=sent)
    assert response.status_code in {200, 400}
    assert seconds < BUDGET_SECONDS / 4
    line = integration.effects.get()
    assert len(line.reason) <= 400
    assert len(line.action) <= 255


def test_a_form_is_bounded_by_what_it_costs(integration: GitHubIntegration) -> None:
    path = f"{PATH}?integration={integration.pk}"
    for size, status in ((4 * 1024 * 1024, 400), (4 * 1024 * 1024 + 1, 413)):
        body = b"payload=" + (b"%22a" * size)[: size - 8]
        sent = headers("push", sign(body, derive_secret(integration)))
        form = {"content_type": "application/x-www-form-urlencoded", "headers": sent}
        response, seconds = cpu_of(Client().post, path, body, within=BUDGET_SECONDS, **form)
        assert response.status_code == status
        assert seconds < BUDGET_SECONDS
