"""Deleting one's own account: what goes, what stays, and who has to stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from accounts.actions.account_deletion import StillNeededError, delete_account
from accounts.actions.invitations import invite
from accounts.models import AuditLog, Invitation, Membership, Org, Role, Session, User
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_member, make_org, make_user
from tests.support.threads import at_once

PATH = "/account/delete"


def reauthenticated(client: Client) -> Client:
    client.post("/account/reauthenticate", {"password": PASSWORD, "next": PATH})
    return client


@pytest.mark.django_db
def test_asks_for_the_password_first(client: Client, client_for: Callable[[User], Client], viewer: User) -> None:
    assert client.get(PATH)["location"] == f"/login?next={PATH}"
    response = client_for(viewer).post(PATH, {"confirm": viewer.email})
    assert response["location"].startswith("/account/reauthenticate")
    assert Membership.objects.filter(user=viewer).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["", "somebody@else.example"])
def test_the_address_is_typed(client_for: Callable[[User], Client], viewer: User, typed: str) -> None:
    client = reauthenticated(client_for(viewer))
    assert client.get(PATH).status_code == 200
    assert client.post(PATH, {"confirm": typed}).context["form"].errors["confirm"]
    assert Membership.objects.filter(user=viewer).exists()


@pytest.mark.django_db
def test_everything_that_lets_in_goes_and_the_log_keeps_the_name(
    client_for: Callable[[User], Client], org: Org, working: Working
) -> None:
    person = make_member(org, Role.DEVELOPER, user=make_user("ada@example.org", name="Ada"))
    Authenticator.objects.create(user=person, type="recovery_codes", data={})
    other = client_for(person)
    client = reauthenticated(client_for(person))
    client.post("/account", {"name": "Ada Lovelace"})
    with working():
        assert client.post(PATH, {"confirm": "ada@example.org"})["location"] == "/"
    assert client.get("/account").status_code == other.get("/account").status_code == 302
    assert not Session.objects.filter(user=person).exists()
    assert not Membership.objects.filter(user=person).exists()
    assert not Authenticator.objects.filter(user=person).exists()
    person.refresh_from_db()
    assert (person.is_active, person.display_name) == (False, "Ada Lovelace (deleted)")
    assert AuditLog.objects.get(action="user.renamed").actor_user == person
    row = AuditLog.objects.for_org(org).get(action="user.deleted")
    assert row.meta_json == {"name": "Ada Lovelace", "email": "ada@example.org"}
    assert mail.outbox[-1].to == ["ada@example.org"]
    assert make_user("ada@example.org"), "the address is free again"
    assert Client().post("/login", {"login": person.email, "password": PASSWORD}).status_code == 200


@pytest.mark.django_db
def test_the_last_admin_stays(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    client = reauthenticated(client_for(admin))
    page = client.get(PATH).content.decode()
    assert "only admin of" in page
    assert 'name="confirm"' not in page
    client.post(PATH, {"confirm": admin.email})
    assert Membership.objects.filter(user=admin).exists()
    make_member(org, Role.ADMIN)
    assert client.post(PATH, {"confirm": admin.email})["location"] == "/"


@pytest.mark.django_db
def test_the_last_superuser_stays() -> None:
    root = User.objects.create_superuser("root@example.org", PASSWORD)
    with pytest.raises(StillNeededError):
        delete_account(actor=root)
    User.objects.create_superuser("second@example.org", PASSWORD)
    delete_account(actor=root)
    root.refresh_from_db()
    assert not root.is_superuser


@pytest.mark.django_db
def test_open_invitations_of_theirs_no_longer_work(org: Org, admin: User, settings: Any) -> None:
    second = make_member(org, Role.ADMIN)
    _, token = invite(actor=second, org=org, email="new@example.org", role=Role.VIEWER)
    delete_account(actor=second)
    assert Client().get(f"/invite/{token}").status_code == 410
    assert Invitation.objects.get().revoked_at


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_delete_themselves_at_once_one_stays() -> None:
    org = make_org()
    one, other = make_member(org, Role.ADMIN), make_member(org, Role.ADMIN)
    outcomes = at_once(lambda: delete_account(actor=one), lambda: delete_account(actor=other))
    assert [each for each in outcomes if each] == [StillNeededError]
    assert Membership.objects.for_org(org).count() == 1
