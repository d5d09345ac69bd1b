from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

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


LINK = re.compile(r"http://localhost:8000(/account/confirm/[\w-]+)")


@pytest.fixture
def has_mail(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://mail.example.org"


def ask_for(client: Client, email: str, working: Working) -> str:
    """Ask for another address; returns the link that was mailed to it, if one was."""
    with working():
        assert client.post("/account/email", {"email": email, "password": PASSWORD})["location"] == "/account"
    found = LINK.search(mail.outbox[-1].body)
    return found[1] if found else ""


@pytest.mark.django_db
def test_address_changes_once_its_link_is_opened_and_the_old_one_is_notified(
    client_for: Callable[[User], Client], viewer: User, working: Working, has_mail: None
) -> None:
    before, client = viewer.email, client_for(viewer)
    link = ask_for(client, "New@Example.ORG", working)
    viewer.refresh_from_db()
    assert viewer.email == before, "nothing counts before the link is opened"
    assert mail.outbox[-1].to == ["New@example.org"]
    assert "New@example.org" in client.get(link).content.decode()
    with working():
        assert client.post(link)["location"] == "/account"
    viewer.refresh_from_db()
    assert (viewer.email, bool(viewer.email_verified_at)) == ("New@example.org", True)
    assert AuditLog.objects.get().meta_json == {"from": before, "to": "New@example.org"}
    assert mail.outbox[-1].to == [before]
    assert "New@example.org" in mail.outbox[-1].body
    assert Client().post("/login", {"login": "new@example.org", "password": PASSWORD}).status_code == 302


@pytest.mark.django_db
def test_the_link_is_for_who_asked_for_it(
    client_for: Callable[[User], Client], viewer: User, admin: User, working: Working, has_mail: None
) -> None:
    link = ask_for(client_for(viewer), "new@example.org", working)
    assert Client().get(link)["location"] == f"/login?next={link}"
    assert client_for(admin).get(link).status_code == client_for(admin).post(link).status_code == 403
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.django_db
def test_a_taken_address_is_answered_like_a_free_one(
    client_for: Callable[[User], Client], viewer: User, working: Working, has_mail: None
) -> None:
    make_user("used@example.org")
    client = client_for(viewer)
    assert ask_for(client, "USED@example.org", working) == ""
    of_taken = client.get("/account").content.decode()
    assert mail.outbox[-1].subject == "You have a PulseOps account already"
    assert ask_for(client, "FREE@example.org", working)
    of_free = client.get("/account").content.decode()
    assert "link that we have sent to USED@example.org" in of_taken
    assert "link that we have sent to FREE@example.org" in of_free
    viewer.refresh_from_db()
    assert viewer.email not in {"USED@example.org", "FREE@example.org"}


@pytest.mark.django_db
def test_an_address_that_got_an_account_meanwhile_is_not_taken_over(
    client_for: Callable[[User], Client], viewer: User, working: Working, has_mail: None
) -> None:
    client = client_for(viewer)
    link = ask_for(client, "new@example.org", working)
    make_user("New@example.org")
    assert client.post(link).status_code == 410


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["new@example.org", "TAKEN@example.org"])
def test_without_mail_no_one_changes_their_address_and_all_get_one_answer(
    client_for: Callable[[User], Client], viewer: User, email: str
) -> None:
    make_user("taken@example.org")
    response = client_for(viewer).post("/account/email", {"email": email, "password": PASSWORD})
    assert "Ask its operator" in str(response.context["email_form"].errors["email"])
    assert viewer.email in response.content.decode()


@pytest.mark.django_db
def test_one_can_prove_the_address_that_one_has(
    client_for: Callable[[User], Client], viewer: User, working: Working, has_mail: None
) -> None:
    client = client_for(viewer)
    assert "not confirmed yet" in client.get("/account").content.decode()
    client.post(ask_for(client, viewer.email, working))
    viewer.refresh_from_db()
    assert viewer.email_verified_at
    assert "not confirmed yet" not in client.get("/account").content.decode()


@pytest.mark.django_db
def test_address_needs_the_password(client_for: Callable[[User], Client], viewer: User) -> None:
    response = client_for(viewer).post("/account/email", {"email": "new@example.org", "password": "wrong"})
    assert "not your password" in str(response.context["email_form"].errors["password"])
    assert User.objects.filter(email=viewer.email).exists()


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
