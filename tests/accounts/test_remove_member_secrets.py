"""Who is removed has seen keys and webhook secrets that work without them: they are shown, and revoked on request."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import AuditLog, Org, User
from deployments import actions as deployments
from deployments.actions import Connection
from deployments.github.signatures import derive_secret, is_signed_with
from deployments.models import GitHubIntegration
from services.models import ApiKey, Service
from tests.deployments.github import sign
from tests.support.factories import make_key, make_org, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(org: Org) -> Service:
    return make_service(org, "checkout")


@pytest.fixture
def key(service: Service, developer: User) -> str:
    return make_key(service.environments.get(name="production"), label="shipper", created_by=developer)


@pytest.fixture
def integration(service: Service, developer: User) -> GitHubIntegration:
    connection = Connection("acme", "checkout", {}, {}, [])
    return deployments.connect_repository(actor=developer, service=service, connection=connection)


def send(client: Client, key: str) -> int:
    return client.post(
        "/api/v1/logs/ingest", {"message": "x"}, "application/json", headers={"x-api-key": key}
    ).status_code


def remove(client: Client, member: User, **data: str) -> str:
    path = f"/orgs/members/{member.memberships.get().pk}/remove"
    return client.post(path, data, follow=True).content.decode()


def test_the_dialog_names_what_goes_on_working(
    client_for: Callable[[User], Client], admin: User, developer: User, key: str, integration: GitHubIntegration
) -> None:
    make_key(integration.service.environments.get(name="staging"), label="somebody else's", created_by=admin)
    page = client_for(admin).get("/orgs/members").content.decode()
    dialog = page.split(f'id="go-{developer.memberships.get().pk}"')[1].split("</dialog>")[0]
    assert "shipper (checkout, production)" in dialog
    assert "acme/checkout (checkout)" in dialog
    assert "somebody else" not in dialog
    assert 'name="revoke"' in dialog
    assert "shipper" not in client_for(developer).get("/orgs/members").content.decode()


def test_a_long_list_has_an_end_and_takes_no_more_queries(
    client_for: Callable[[User], Client], admin: User, developer: User, service: Service,
    django_assert_max_num_queries: Callable[[int], object],
) -> None:  # fmt: skip
    for number in range(20):
        make_key(service.environments.get(name="production"), label=f"key {number}", created_by=developer)
    client = client_for(admin)
    client.get("/orgs/members")
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        page = client.get("/orgs/members").content.decode()
    assert "key 7 (" in page
    assert "key 8 (" not in page
    assert "and 12 more" in page


def test_nothing_is_revoked_unasked(
    client_for: Callable[[User], Client], admin: User, developer: User, key: str, integration: GitHubIntegration
) -> None:
    remove(client_for(admin), developer)
    assert send(Client(), key) == 200
    assert GitHubIntegration.objects.get().secret_version == integration.secret_version
    assert list(AuditLog.objects.filter(action__endswith="revoked")) == []


def test_all_is_revoked_on_request_and_audited(
    client_for: Callable[[User], Client], admin: User, developer: User, key: str, integration: GitHubIntegration
) -> None:
    place = integration.service.environments.get(name="staging")
    others = make_key(place, created_by=admin)
    secret = derive_secret(integration)
    page = remove(client_for(admin), developer, revoke="on")
    assert "The key shipper (checkout, production)" in page
    assert "the webhook secret of acme/checkout (checkout) no longer work." in page
    assert send(Client(), key) == 403
    assert send(Client(), others) == 200
    now = GitHubIntegration.objects.get()
    assert not is_signed_with(derive_secret(now), b"body", sign(b"body", secret))
    assert now.secret_made_by is None, "no one has seen it"
    actions = set(AuditLog.objects.filter(actor_user=admin).values_list("action", flat=True))
    assert actions >= {"api_key.revoked", "github_integration.secret_rotated", "member.removed"}
    row = AuditLog.objects.get(action="member.removed")
    assert row.meta_json is not None
    assert row.meta_json["revoked"] == [
        "the key shipper (checkout, production)",
        "the webhook secret of acme/checkout (checkout)",
    ]


def test_keys_that_they_made_elsewhere_are_not_this_organisations(
    client_for: Callable[[User], Client], admin: User, developer: User
) -> None:
    elsewhere = make_service(make_org("Elsewhere"), "theirs")
    make_key(elsewhere.environments.get(name="production"), label="far away", created_by=developer)
    client = client_for(admin)
    assert "far away" not in client.get("/orgs/members").content.decode()
    remove(client, developer, revoke="on")
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_the_last_admin_keeps_their_keys(client_for: Callable[[User], Client], admin: User, service: Service) -> None:
    key = make_key(service.environments.get(name="production"), created_by=admin)
    assert "is the last admin" in remove(client_for(admin), admin, revoke="on")
    assert send(Client(), key) == 200


def test_who_makes_a_new_secret_has_seen_it(integration: GitHubIntegration, admin: User, developer: User) -> None:
    assert integration.secret_made_by == developer
    assert deployments.rotate_secret(actor=admin, integration=integration).secret_made_by == admin
