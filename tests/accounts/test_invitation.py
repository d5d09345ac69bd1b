from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.actions.invitations import InvitationGoneError, accept_invitation, invite
from accounts.models import AuditLog, Invitation, Membership, Org, Role, User
from tests.accounts.conftest import Working
from tests.accounts.test_members import at_once
from tests.support.factories import PASSWORD, make_member, make_org, make_user

NEW = {"name": "Grace Hopper", "password": PASSWORD}


@pytest.fixture
def token(admin: User, org: Org) -> str:
    return invite(actor=admin, org=org, email="grace@example.org", role=Role.DEVELOPER)[1]


def role_of(email: str) -> str | None:
    return Membership.objects.filter(user__email=email, org__name="Acme").values_list("role", flat=True).first()


@pytest.mark.django_db
def test_a_stranger_signs_up_with_the_address_fixed_and_is_in(client: Client, token: str, org: Org) -> None:
    page = client.get(f"/invite/{token}").content.decode()
    assert "Join Acme" in page
    assert 'value="grace@example.org" readonly' in page
    response = client.post(f"/invite/{token}", {**NEW, "email": "evil@example.org"})
    assert (response.status_code, response["location"]) == (302, "/")
    assert role_of("grace@example.org") == "developer"
    assert not User.objects.filter(email="evil@example.org").exists()
    response = client.get("/orgs")
    assert response.context["user"].email == "grace@example.org"
    assert response.context["org"] == org
    assert Invitation.objects.get().accepted_by == response.context["user"]
    actions = (
        AuditLog.objects.filter(actor_user=response.context["user"]).order_by("id").values_list("action", flat=True)
    )
    assert list(actions) == ["user.signed_up", "member.joined", "user.signed_in"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"), [("password", "short"), ("password", "grace@example.org"), ("name", ""), ("password", "x" * 73)]
)
def test_wrong_input_is_reported(client: Client, token: str, field: str, value: str) -> None:
    response = client.post(f"/invite/{token}", {**NEW, field: value})
    assert response.status_code == 200
    assert response.context["form"].errors[field]
    assert not User.objects.filter(email="grace@example.org").exists()


@pytest.mark.django_db
def test_an_address_with_an_account_is_not_taken_over(client: Client, token: str, working: Working) -> None:
    grace = make_user("Grace@example.org", password="the password of the owner")
    with working():
        response = client.post(f"/invite/{token}", NEW)
    assert response["location"] == f"/login?next=%2Finvite%2F{token}"
    grace.refresh_from_db()
    assert grace.check_password("the password of the owner")
    assert role_of(grace.email) is None
    assert client.get("/account").status_code == 302
    assert mail.outbox[0].subject == "You have a PulseOps account already"


@pytest.mark.django_db
def test_signing_in_comes_back_and_joins(client: Client, token: str, org: Org) -> None:
    grace = make_user("Grace@example.org")
    own = make_org("Her own", admin=grace)
    assert f"/login?next=%2Finvite%2F{token}" in client.get(f"/invite/{token}").content.decode()
    response = client.post("/login", {"login": grace.email, "password": PASSWORD, "next": f"/invite/{token}"})
    assert response["location"] == f"/invite/{token}"
    assert client.get("/orgs").context["org"] == own
    page = client.get(f"/invite/{token}").content.decode()
    assert "as developer" in page
    assert role_of(grace.email) is None, "looking joins nobody"
    assert client.post(f"/invite/{token}")["location"] == "/"
    assert role_of(grace.email) == "developer"
    assert client.get("/orgs").context["org"] == org


@pytest.mark.django_db
def test_another_user_sees_so_and_may_sign_out(
    client_for: Callable[[User], Client], token: str, outsider: User
) -> None:
    client = client_for(outsider)
    page = client.get(f"/invite/{token}").content.decode()
    assert "for another address" in page
    assert outsider.email in page
    client.post(f"/invite/{token}", NEW)
    assert role_of(outsider.email) is None
    assert client.post("/logout", {"next": f"/invite/{token}"})["location"] == f"/invite/{token}"
    assert "Join Acme" in client.get(f"/invite/{token}").content.decode()


@pytest.mark.django_db
def test_a_member_sees_so_and_keeps_the_role(
    client_for: Callable[[User], Client], token: str, viewer: User, org: Org
) -> None:
    client = client_for(viewer)
    assert client.get(f"/invite/{token}")["location"] == "/"
    assert "member of Acme already" in client.get("/orgs").content.decode()
    assert client.post(f"/invite/{token}")["location"] == "/"
    assert role_of(viewer.email) == "viewer"
    assert Invitation.objects.get().is_pending


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "this one is older"),
        ({"accepted_at": timezone.now()}, "accepted already"),
        ({"revoked_at": timezone.now()}, "revoked"),
    ],
)
def test_what_is_over_says_so_and_no_more(client: Client, token: str, change: dict[str, object], said: str) -> None:
    Invitation.objects.update(**change)
    for response in (client.get(f"/invite/{token}"), client.post(f"/invite/{token}", NEW)):
        assert response.status_code == 410
        page = response.content.decode()
        assert said in page
        assert "Acme" not in page
        assert "grace@example.org" not in page
    assert role_of("grace@example.org") is None


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["x", "é", "%00", "a" * 500])
def test_wrong_tokens_find_nothing(client: Client, token: str, wrong: str) -> None:
    response = client.get(f"/invite/{wrong}")
    assert response.status_code == 404
    assert "There is no such invitation" in response.content.decode()


@pytest.mark.django_db
def test_the_stored_hash_is_not_a_token(client: Client, token: str) -> None:
    assert client.get(f"/invite/{Invitation.objects.get().token_hash}").status_code == 404


@pytest.mark.django_db
def test_a_deleted_organisation_invites_no_one(client: Client, token: str) -> None:
    Org.objects.update(deleted_at=timezone.now())
    assert client.get(f"/invite/{token}").status_code == 404


@pytest.mark.django_db
def test_other_methods_are_refused(client: Client, token: str) -> None:
    assert client.put(f"/invite/{token}").status_code == 405


@pytest.mark.django_db
def test_page_is_not_cached(client: Client, token: str) -> None:
    assert "no-store" in client.get(f"/invite/{token}")["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_join_once() -> None:
    org = make_org("Race")
    boss = make_member(org, Role.ADMIN)
    grace = make_user("grace@example.org")
    invitation, _ = invite(actor=boss, org=org, email=grace.email, role=Role.VIEWER)
    outcomes = at_once(*[lambda: accept_invitation(actor=grace, invitation=invitation)] * 4)
    assert outcomes.count(None) == 1
    assert set(outcomes) == {None, InvitationGoneError}
    assert Membership.objects.filter(user=grace).count() == 1
    assert AuditLog.objects.filter(action="member.joined").count() == 1


# -- With mail, an invitation is bound to who reads it ---------------------------------------------------------------


@pytest.fixture
def mailed(admin: User, org: Org, working: Working, settings: Any) -> str:
    """The path of the link that was mailed to grace@example.org."""
    settings.EMAIL_URL = "smtp://mail.example.org"
    with working():
        invite(actor=admin, org=org, email="grace@example.org", role=Role.ADMIN)
    found = re.search(r"http://localhost:8000(/invite/[\w-]+)", mail.outbox[-1].body)
    assert found
    return found[1]


@pytest.mark.django_db
def test_an_account_that_comes_by_a_mailed_link_has_a_proved_address(client: Client, mailed: str) -> None:
    client.post(mailed, NEW)
    assert User.objects.get(email="grace@example.org").email_verified_at


@pytest.mark.django_db
def test_an_address_that_was_only_claimed_gets_nothing(
    client_for: Callable[[User], Client], outsider: User, mailed: str, working: Working
) -> None:
    client = client_for(outsider)
    with working():
        client.post("/account/email", {"email": "grace@example.org", "password": PASSWORD})
    assert "for another address" in client.post(mailed).content.decode()
    assert role_of("grace@example.org") is None


@pytest.mark.django_db
def test_the_inviter_has_no_link_where_mail_is_sent(mailed: str, admin: User, org: Org) -> None:
    _, token = invite(actor=admin, org=org, email="victim@example.org", role=Role.ADMIN)
    assert token == ""
    assert Client().get(f"/invite/{token}x").status_code == 404


@pytest.mark.django_db
def test_a_link_from_before_the_mail_server_asks_for_a_proved_address(
    client_for: Callable[[User], Client], token: str, settings: Any
) -> None:
    grace = make_user("grace@example.org")
    settings.EMAIL_URL = "smtp://mail.example.org"
    client_for(grace).post(f"/invite/{token}")
    assert role_of(grace.email) is None
    User.objects.filter(pk=grace.pk).update(email_verified_at=timezone.now())
    client_for(grace).post(f"/invite/{token}")
    assert role_of(grace.email) == "developer"


@pytest.mark.django_db
def test_without_mail_joining_proves_nothing(client: Client, token: str) -> None:
    client.post(f"/invite/{token}", NEW)
    assert User.objects.get(email="grace@example.org").email_verified_at is None
