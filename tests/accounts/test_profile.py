from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AuditLog, User
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_user


@pytest.mark.django_db
def test_signed_out_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/account")["location"] == "/login?next=/account"
    assert client.post("/account/email")["location"] == "/login"


@pytest.mark.django_db
def test_name_is_changed_and_recorded_once(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    for _ in range(2):
        assert client.post("/account", {"name": " Ada  Lovelace "})["location"] == "/account"
    viewer.refresh_from_db()
    assert viewer.name == "Ada Lovelace"
    row = AuditLog.objects.get()
    assert (row.action, row.meta_json) == ("user.renamed", {"from": None, "to": "Ada Lovelace"})


@pytest.mark.django_db
def test_a_name_may_be_taken_away(client_for: Callable[[User], Client]) -> None:
    user = make_user(name="Ada")
    client_for(user).post("/account", {"name": ""})
    user.refresh_from_db()
    assert user.name is None
    assert user.display_name == user.email


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["x" * 121, "a\0b", "a\x07b"])
def test_odd_names_are_refused(client_for: Callable[[User], Client], viewer: User, name: str) -> None:
    response = client_for(viewer).post("/account", {"name": name})
    assert response.status_code == 200
    assert response.context["form"].errors["name"]


@pytest.mark.django_db
def test_markup_in_a_name_is_text(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    client.post("/account", {"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in client.get("/orgs/members").content.decode()


@pytest.mark.django_db
def test_address_changes_with_the_password_and_the_old_one_is_told(
    client_for: Callable[[User], Client], viewer: User, working: Working
) -> None:
    before = viewer.email
    with working():
        response = client_for(viewer).post("/account/email", {"email": "New@Example.ORG", "password": PASSWORD})
    assert response["location"] == "/account"
    viewer.refresh_from_db()
    assert viewer.email == "New@example.org"
    assert AuditLog.objects.get().meta_json == {"from": before, "to": "New@example.org"}
    assert mail.outbox[0].to == [before]
    assert "New@example.org" in mail.outbox[0].body
    assert Client().post("/login", {"login": "new@example.org", "password": PASSWORD}).status_code == 302


@pytest.mark.django_db
def test_address_needs_the_password(client_for: Callable[[User], Client], viewer: User) -> None:
    response = client_for(viewer).post("/account/email", {"email": "new@example.org", "password": "wrong"})
    assert "not your password" in str(response.context["email_form"].errors["password"])
    assert User.objects.filter(email=viewer.email).exists()


@pytest.mark.django_db
def test_address_of_somebody_else_is_refused(client_for: Callable[[User], Client], viewer: User) -> None:
    make_user("taken@example.org")
    response = client_for(viewer).post("/account/email", {"email": "TAKEN@example.org", "password": PASSWORD})
    assert "Another account uses this address" in str(response.context["email_form"].errors["email"])
    assert viewer.email in response.content.decode()


@pytest.mark.django_db
def test_case_of_ones_own_address_may_change(client_for: Callable[[User], Client]) -> None:
    user = make_user("ann@example.org")
    client_for(user).post("/account/email", {"email": "Ann@example.org", "password": PASSWORD})
    user.refresh_from_db()
    assert user.email == "Ann@example.org"


@pytest.mark.django_db
def test_other_methods_are_refused(client_for: Callable[[User], Client], viewer: User) -> None:
    assert client_for(viewer).delete("/account").status_code == 405
    assert client_for(viewer).get("/account/email").status_code == 405
