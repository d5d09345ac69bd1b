"""Keys, members, channels and deletions ask once more who it is, and what was typed is not lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Org, Session, User
from notifications.models import Channel
from services import actions, key_actions
from services.models import ApiKey, Service
from tests.support.factories import PASSWORD
from tests.support.sign_in import signed_in

pytestmark = pytest.mark.django_db
SECRET = "https://hooks.slack.com/services/T012345/B012345/abcdefghijklmnop"
CHANNEL = {"type": "slack", "name": "#on-call", "webhook_url": SECRET}


def long_signed_in(user: User) -> Client:
    """Return a client that signed in long ago, longer than proof lasts."""
    hours = timedelta(hours=3)
    client = signed_in(user, proved_seconds_ago=hours.total_seconds())
    Session.objects.filter(user=user).update(created_at=timezone.now() - hours)
    return client


@pytest.fixture
def service(org: Org, admin: User) -> Service:
    return actions.create_service(actor=admin, org=org, name="api")


def guarded_routes(service: Service, key: ApiKey, channel: Channel, member: Membership) -> list[str]:
    of_key, of_channel = f"/services/{service.pk}/keys/{key.pk}", f"/settings/notifications/{channel.pk}"
    environment = service.environments.get(name="staging")
    return [
        f"/services/{service.pk}/keys/new",
        *(f"{of_key}/{verb}" for verb in ("edit", "rotate", "revoke")),
        f"/services/{service.pk}/delete",
        f"/services/{service.pk}/environments/{environment.pk}/delete",
        "/settings/notifications/new",
        of_channel,
        *(f"{of_channel}/{verb}" for verb in ("switch", "delete")),
        f"/orgs/members/{member.pk}/role",
        f"/orgs/members/{member.pk}/remove",
        "/orgs/invitations",
        "/orgs/security",
        "/orgs/delete",
        f"/services/{service.pk}/github",
    ]


def test_each_of_them_asks(org: Org, admin: User, viewer: User, service: Service) -> None:
    key = key_actions.create_key(actor=admin, environment=service.environments.get(name="production")).key
    channel = Channel.objects.create(org=org, type="slack", name="ops", config_json={"webhook_url": SECRET})
    member = Membership.objects.get(user=viewer)
    client = long_signed_in(admin)
    for route in guarded_routes(service, key, channel, member):
        response = client.post(route, {})
        assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/account/reauthenticate"), route
    for kept in (service, key, channel, member, org):
        kept.refresh_from_db()
    assert key.revoked_at is None


def test_what_was_typed_is_done_after_the_proof(org: Org, admin: User) -> None:
    client = long_signed_in(admin)
    asked = client.post("/settings/notifications/new", CHANNEL)
    assert client.get(asked["Location"]).status_code == 200
    assert "abcdefgh" not in json.dumps(Session.objects.get(user=admin).data)
    response = client.post("/account/reauthenticate", {"password": PASSWORD, "next": "/settings/notifications/new"})
    assert response["Location"] == "/settings/notifications"
    assert Channel.objects.for_org(org).get().webhook_url == SECRET
    client.post("/settings/notifications/new", {**CHANNEL, "name": "#second"})
    assert Channel.objects.for_org(org).count() == 2, "the proof lasts a while"


def test_a_mistake_in_it_is_shown_with_what_was_typed(admin: User) -> None:
    client = long_signed_in(admin)
    client.post("/settings/notifications/new", {**CHANNEL, "webhook_url": "https://example.com/x"})
    response = client.post("/account/reauthenticate", {"password": PASSWORD, "next": "/settings/notifications/new"})
    page = response.content.decode()
    assert 'value="#on-call"' in page
    assert "is not a host that messages may go to" in page


def test_a_wrong_password_does_nothing(org: Org, admin: User) -> None:
    client = long_signed_in(admin)
    client.post("/settings/notifications/new", CHANNEL)
    wrong = {"password": "something else", "next": "/settings/notifications/new"}
    assert "This is not your password." in client.post("/account/reauthenticate", wrong).content.decode()
    assert not Channel.objects.for_org(org).exists()


@pytest.mark.parametrize("later", ["another page", "too late"])
def test_what_was_given_up_is_not_done_later(
    org: Org, admin: User, later: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = long_signed_in(admin)
    client.post("/settings/notifications/new", CHANNEL)
    if later == "too late":
        monkeypatch.setattr("accounts.reauthentication._KEPT_SECONDS", -1)
    target = "/settings/notifications/new" if later == "too late" else "/account/2fa"
    response = client.post("/account/reauthenticate", {"password": PASSWORD, "next": target})
    assert response["Location"] == target
    assert not Channel.objects.for_org(org).exists()


def test_the_role_is_asked_for_first(viewer: User, service: Service) -> None:
    assert long_signed_in(viewer).post(f"/services/{service.pk}/keys/new", {}).status_code == 403


def test_a_form_that_is_too_long_is_not_kept(admin: User) -> None:
    client = long_signed_in(admin)
    client.post("/settings/notifications/new", {**CHANNEL, "name": "x" * 200_000})
    assert len(json.dumps(Session.objects.get(user=admin).data)) < 10_000


def test_one_who_signed_in_just_now_is_not_asked(org: Org, admin: User) -> None:
    client = Client()
    client.post("/login", {"login": admin.email, "password": PASSWORD})
    client.post("/settings/notifications/new", CHANNEL)
    assert Channel.objects.for_org(org).exists()


def test_minutes_are_a_setting(org: Org, admin: User, settings: Any) -> None:
    settings.REAUTHENTICATION_MINUTES = 24 * 60
    long_signed_in(admin).post("/settings/notifications/new", CHANNEL)
    assert Channel.objects.for_org(org).exists()
    assert project.REAUTHENTICATION_MINUTES == 24 * 60
