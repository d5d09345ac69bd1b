"""/services/<id>/github: connect, change, rotate, replay, disconnect; admins only."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditLog, Org, User
from deployments.github.signatures import SecretState, derive_secret, secret_state
from deployments.models import Deployment, GitHubIntegration, WebhookEffect
from services.models import Service
from tests.deployments.github import deliver, payload
from tests.support.factories import make_service

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "checkout", repo_url="https://github.com/northwind-labs/checkout.git")


def address(service: Service) -> str:
    return f"/services/{service.pk}/github"


def filled(service: Service, **changes: str) -> dict[str, str]:
    production = service.environments.get(name="production")
    return {
        "repository": "Northwind-Labs/checkout",
        f"branches_{production.pk.hex}": "main, release/*",
        f"names_{production.pk.hex}": "prod",
        "workflows": "",
        **changes,
    }


def secrets_on(page: str) -> list[str]:
    return re.findall(r'id="fresh-secret">([0-9a-f]{64})<', page)


def test_connecting_shows_the_secret_once(service: Service, admin: User, client_for: SignIn) -> None:
    client = client_for(admin)
    proposal = client.get(address(service)).content.decode()
    assert 'value="northwind-labs/checkout"' in proposal
    page = client.post(address(service), filled(service), follow=True)
    integration = GitHubIntegration.objects.get()
    assert integration.environment_mapping == {"main": "production", "release/*": "production"}
    assert integration.environment_names == {"prod": "production"}
    assert secrets_on(page.content.decode()) == [derive_secret(integration)]
    assert page["Cache-Control"].startswith("max-age=0, no-cache")
    assert secrets_on(client.get(address(service)).content.decode()) == []
    audit = AuditLog.objects.get(action="github_integration.created")
    assert derive_secret(integration) not in str(audit.meta_json)


def test_what_it_shows_is_what_verifies(service: Service, admin: User, client_for: SignIn) -> None:
    page = client_for(admin).post(address(service), filled(service), follow=True).content.decode()
    path = re.findall(r'id="fresh-url">http://localhost:8000([^<]+)<', page)[0]
    response = deliver(GitHubIntegration.objects.get(), "push", payload("push"), path=path, secret=secrets_on(page)[0])
    assert response.json() == {"data": {"ok": True}}
    assert Deployment.objects.get().environment.name == "production"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"repository": "checkout"}, "Write it as owner/name."),
        ({"repository": "https://gitlab.com/a/b"}, "Write it as owner/name."),
        ({"repository": "a/b\x00"}, "Null characters are not allowed."),
        ({"repository": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_connected(
    service: Service, admin: User, client_for: SignIn, changes: dict[str, str], message: str
) -> None:
    page = client_for(admin).post(address(service), filled(service, **changes))
    assert page.status_code == 200
    assert message in page.content.decode()
    assert not GitHubIntegration.objects.exists()


def test_a_branch_goes_to_one_environment(service: Service, admin: User, client_for: SignIn) -> None:
    staging = service.environments.get(name="staging")
    page = client_for(admin).post(address(service), filled(service, **{f"branches_{staging.pk.hex}": "main"}))
    assert "main goes to production already." in page.content.decode()


def test_changing_keeps_the_secret(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    client = client_for(admin)
    content = filled(integration.service, workflows="Deploy, Release")
    page = client.post(address(integration.service), content, follow=True)
    assert secrets_on(page.content.decode()) == []
    changed = GitHubIntegration.objects.get()
    assert changed.workflows == ["Deploy", "Release"]
    assert changed.webhook_secret_hash == integration.webhook_secret_hash
    client.post(address(integration.service), content)
    assert AuditLog.objects.filter(action="github_integration.updated").count() == 1


def test_rotating(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    old = derive_secret(integration)
    page = client_for(admin).post(address(integration.service) + "/rotate", follow=True)
    shown = secrets_on(page.content.decode())[0]
    assert shown != old
    assert deliver(integration, "push", payload("push"), secret=old).status_code == 401
    assert deliver(integration, "push", payload("push"), secret=shown).status_code == 200
    assert AuditLog.objects.get(action="github_integration.secret_rotated").meta_json == {
        "version": 2,
        "service": "checkout",
    }


def test_a_forged_pass_shows_nothing(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    client = client_for(admin)
    client.cookies["fresh_webhook_secret"] = f'["{integration.pk}",1]:x:y'
    assert secrets_on(client.get(address(integration.service)).content.decode()) == []


def test_the_log_and_replay_after_the_mapping_was_fixed(
    integration: GitHubIntegration, admin: User, client_for: SignIn
) -> None:
    deliver(integration, "push", payload("push", ref="refs/heads/trunk"))
    client = client_for(admin)
    assert "The branch trunk is not mapped" in client.get(address(integration.service)).content.decode()
    replay = f"{address(integration.service)}/deliveries/{WebhookEffect.objects.get().pk}/replay"
    assert "The branch trunk is not mapped" in client.post(replay, follow=True).content.decode()
    integration.environment_mapping = {"trunk": "production"}
    integration.save()
    for _ in range(2):
        client.post(replay)
    line = WebhookEffect.objects.get()
    assert (line.result, line.deployment) == ("applied", Deployment.objects.get())
    assert line.replayed_at
    assert AuditLog.objects.filter(action="github_delivery.replayed").count() == 3


def test_what_left_nothing_cannot_be_replayed(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    deliver(integration, "ping", payload("ping"))
    replay = f"{address(integration.service)}/deliveries/{WebhookEffect.objects.get().pk}/replay"
    page = client_for(admin).post(replay, follow=True)
    assert "Nothing of this delivery was kept that could be replayed." in page.content.decode()


def test_the_log_is_paged(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    WebhookEffect.objects.bulk_create(
        WebhookEffect(
            integration=integration, delivery_id=str(n), event_type="push", payload_hash="0" * 64, result="ignored"
        )
        for n in range(60)
    )
    client = client_for(admin)
    first = client.get(address(integration.service))
    second = client.get(first.context["older_url"])
    seen = [line.delivery_id for page in (first, second) for line in page.context["lines"]]
    assert sorted(seen, key=int) == [str(n) for n in range(60)]


def test_disconnecting_keeps_the_deployments(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    deliver(integration, "push", payload("push"))
    client_for(admin).post(address(integration.service) + "/disconnect")
    assert not GitHubIntegration.objects.exists()
    assert not WebhookEffect.objects.exists()
    assert Deployment.objects.count() == 1


def test_who_may_see_and_change_it(
    integration: GitHubIntegration, developer: User, viewer: User, outsider: User, client_for: SignIn
) -> None:
    service = integration.service
    deliver(integration, "push", payload("push"))
    posts = ["/rotate", "/disconnect", f"/deliveries/{WebhookEffect.objects.get().pk}/replay"]
    for user, status in ((developer, 403), (viewer, 403), (outsider, 404)):
        client = client_for(user)
        assert client.get(address(service)).status_code == status
        assert client.post(address(service), filled(service)).status_code == status
        for path in posts:
            assert client.post(address(service) + path).status_code == status
    assert GitHubIntegration.objects.get().secret_version == 1


def test_another_integrations_delivery_is_not_found(
    integration: GitHubIntegration, admin: User, client_for: SignIn
) -> None:
    replay = f"{address(integration.service)}/deliveries/4711/replay"
    assert client_for(admin).post(replay).status_code == 404
    assert client_for(admin).get(f"/services/{uuid.uuid4()}/github").status_code == 404


def test_posts_only(integration: GitHubIntegration, admin: User, client_for: SignIn) -> None:
    for path in ("/rotate", "/disconnect", "/deliveries/1/replay"):
        assert client_for(admin).get(address(integration.service) + path).status_code == 405


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_the_panel_on_the_services_page(
    integration: GitHubIntegration, role: str, request: Any, client_for: SignIn
) -> None:
    deliver(integration, "push", payload("push"))
    client = client_for(request.getfixturevalue(role))
    page = client.get(f"/services/{integration.service_id}").content.decode()
    assert "northwind-labs/checkout" in page
    assert ("Settings and deliveries" in page) == (role == "admin")


SAID = {
    SecretState.LOST: "No delivery can be verified.",
    SecretState.MISSING: "This integration has no secret.",
    SecretState.SHARED: "It has no secret of its own.",
}


@pytest.mark.parametrize(
    ("stored", "shared", "state"),
    [
        ("", "", SecretState.MISSING),
        ("", "shared", SecretState.SHARED),
        ("0" * 64, "shared", SecretState.LOST),
        (None, "shared", SecretState.OWN),
    ],
)
def test_state_of_the_secret(
    integration: GitHubIntegration,
    admin: User,
    client_for: SignIn,
    settings: Any,
    stored: str | None,
    shared: str,
    state: SecretState,
) -> None:
    settings.GITHUB_WEBHOOK_SECRET = shared
    if stored is not None:
        integration.webhook_secret_hash = stored
        integration.save()
    assert secret_state(integration) is state
    page = client_for(admin).get(address(integration.service)).content.decode()
    assert {said: said in page for said in SAID.values()} == {said: SAID.get(state) == said for said in SAID.values()}


def test_another_server_key_derives_another_secret(integration: GitHubIntegration, settings: Any) -> None:
    secret = derive_secret(integration)
    settings.SECRET_KEY = "another"
    assert derive_secret(integration) != secret
    assert secret_state(integration) is SecretState.LOST
