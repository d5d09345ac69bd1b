"""Who may sign up: the first person, everybody where that is open and mail is sent, and else the invited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actions import users
from accounts.models import AuditLog, Membership, Org, Session, User
from tests.support.factories import PASSWORD, make_user
from tests.support.threads import at_once

GOOD = {"name": "Ada Lovelace", "email": "ada@example.org", "org": "Analytical Engines", "password": PASSWORD}


def sign_up(client: Client, **fields: str) -> Any:
    return client.post("/signup", {**GOOD, **fields})


# -- The first account -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_page_shows_the_form(client: Client) -> None:
    page = client.get("/signup").content.decode()
    for name in GOOD:
        assert f'name="{name}"' in page
    assert "At least 10 characters" in page


@pytest.mark.django_db
def test_makes_user_organisation_and_admin(client: Client, audited: Callable[[], list[str]]) -> None:
    response = sign_up(client)
    assert (response.status_code, response["location"]) == (302, "/services/new")
    member = Membership.objects.select_related("user", "org").get()
    assert (member.user.email, member.user.name) == ("ada@example.org", "Ada Lovelace")
    assert (member.org.name, member.role) == ("Analytical Engines", "admin")
    assert member.user.check_password(PASSWORD)
    assert audited() == ["user.signed_up", "org.created", "user.signed_in"]
    assert AuditLog.objects.filter(org=member.org, actor_user=member.user, address="127.0.0.1").count() == 3
    assert member.user.is_superuser, "the first runs the installation"


@pytest.mark.django_db
def test_stores_a_bare_bcrypt_hash(client: Client) -> None:
    sign_up(client)
    (stored,) = User.objects.extra(select={"raw": "password_hash"}).values_list("raw", flat=True)
    assert stored.startswith("$2b$")


@pytest.mark.django_db
def test_signs_the_first_person_in(client: Client) -> None:
    sign_up(client)
    assert Session.objects.exclude(user=None).count() == 1
    page = client.get("/services/new").text
    assert "Create an API key for production" in page
    answer = client.post("/services/new", {"name": "checkout", "retention_days": 7, "has_key": "on"})
    setup = client.get(answer["Location"]).text  # without being asked for the password that was typed just now
    assert "pol_" in setup


@pytest.mark.django_db
def test_after_the_first_account_sign_up_is_closed(client: Client) -> None:
    assert "You are the first here" in client.get("/signup").content.decode()
    assert 'href="/signup"' in client.get("/").content.decode()
    sign_up(client)
    client.logout()
    for response in (client.get("/signup"), sign_up(client, email="second@example.org")):
        assert response.status_code == 403
        assert "by invitation" in response.content.decode()
    assert User.objects.count() == 1
    for page in ("/", "/login"):
        assert 'href="/signup"' not in client.get(page).content.decode()
        assert "nvitation" in client.get(page).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["demo@pulseops.example", "dana@pulseops.example"])
def test_the_demos_accounts_are_not_the_first(client: Client, email: str) -> None:
    make_user("demo@pulseops.example", is_demo=True)
    make_user("dana@pulseops.example", is_demo=True)
    assert "Another account" in str(sign_up(client, email=email.upper()).context["form"].errors["email"])
    assert sign_up(client).status_code == 302
    assert User.objects.get(email="ada@example.org").is_superuser


@pytest.mark.django_db
def test_who_existed_before_an_upgrade_closes_it(client: Client) -> None:
    make_user("old@example.org")
    assert client.get("/signup").status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "mail_url"), [("invited", ""), ("invited", "smtp://mail.example.org")])
def test_invited_means_not_even_the_first(client: Client, settings: Any, mode: str, mail_url: str) -> None:
    settings.SIGNUP, settings.EMAIL_URL = mode, mail_url
    assert client.get("/signup").status_code == sign_up(client).status_code == 403
    assert not User.objects.exists()


@pytest.mark.django_db
def test_open_without_mail_is_first(client: Client, settings: Any) -> None:
    settings.SIGNUP = "open"
    assert sign_up(client).status_code == 302
    client.logout()
    assert sign_up(client, email="second@example.org").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ups_at_once_make_one_superuser() -> None:
    outcomes = at_once(
        lambda: users.sign_up_first(name="", email="ann@example.org", password=PASSWORD, org_name="One"),
        lambda: users.sign_up_first(name="", email="bob@example.org", password=PASSWORD, org_name="Two"),
    )
    assert [each for each in outcomes if each] == [users.SignUpClosedError]
    assert User.objects.count() == Org.objects.count() == Membership.objects.count() == 1
    assert User.objects.get().is_superuser


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", "short", "at least 10 characters"),
        ("password", "password123", "too common"),
        ("password", "ada@example.org", "too similar to the email"),
        ("password", "é" * 37, "longer than 72 bytes"),
        ("password", "with a \0 inside", "Null characters"),
        ("name", "Ada\0", "cannot be shown"),
        ("org", "", "required"),
        ("org", "x" * 81, "at most 80 characters"),
        ("email", "nobody", "valid email"),
        ("email", "a\0@example.org", "valid email"),
    ],
)
def test_wrong_input_is_reported_at_its_field_and_kept(client: Client, field: str, value: str, said: str) -> None:
    response = sign_up(client, **{field: value})
    assert response.status_code == 200
    assert said in " ".join(response.context["form"].errors[field])
    assert 'value="Ada Lovelace"' in response.content.decode() or field == "name"
    assert PASSWORD not in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_seventy_two_bytes_are_enough(client: Client) -> None:
    assert sign_up(client, password="long enough " * 6).status_code == 302
    assert User.objects.get().check_password("long enough " * 6)


@pytest.mark.django_db
def test_names_are_one_line(client: Client) -> None:
    sign_up(client, org="  Two\r\n words ")
    assert Org.objects.get().name == "Two words"


@pytest.mark.django_db
def test_a_signed_in_user_goes_on(client_for: Callable[[User], Client]) -> None:
    response = client_for(make_user()).get("/signup")
    assert (response.status_code, response["location"]) == (302, "/dashboard")


@pytest.mark.django_db
def test_other_methods_are_refused(client: Client) -> None:
    assert client.put("/signup").status_code == 405
