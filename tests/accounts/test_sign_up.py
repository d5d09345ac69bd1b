from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actions import users
from accounts.models import AuditLog, Membership, Org, Session, User
from tests.accounts.conftest import Working
from tests.accounts.test_members import at_once
from tests.support.factories import PASSWORD, make_user

GOOD = {"name": "Ada Lovelace", "email": "ada@example.org", "org": "Analytical Engines", "password": PASSWORD}


def sign_up(client: Client, **fields: str) -> Any:
    return client.post("/signup", {**GOOD, **fields})


@pytest.mark.django_db
def test_page_shows_the_form(client: Client) -> None:
    page = client.get("/signup").content.decode()
    for name in GOOD:
        assert f'name="{name}"' in page
    assert "At least 10 characters" in page


@pytest.mark.django_db
def test_makes_user_organisation_and_admin(client: Client, audited: Callable[[], list[str]]) -> None:
    response = sign_up(client)
    assert (response.status_code, response["location"]) == (302, "/login")
    member = Membership.objects.select_related("user", "org").get()
    assert (member.user.email, member.user.name) == ("ada@example.org", "Ada Lovelace")
    assert (member.org.name, member.role) == ("Analytical Engines", "admin")
    assert member.user.check_password(PASSWORD)
    assert audited() == ["user.signed_up", "org.created"]
    assert AuditLog.objects.filter(org=member.org, actor_user=member.user, address="127.0.0.1").count() == 2


@pytest.mark.django_db
def test_stores_a_bare_bcrypt_hash(client: Client) -> None:
    sign_up(client)
    (stored,) = User.objects.extra(select={"raw": "password_hash"}).values_list("raw", flat=True)
    assert stored.startswith("$2b$")


@pytest.mark.django_db
def test_does_not_sign_in(client: Client) -> None:
    sign_up(client)
    assert not Session.objects.exclude(user=None).exists()
    assert client.get("/account").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("taken", ["ada@example.org", "ADA@example.org", "Ada@Example.ORG"])
def test_a_taken_address_is_answered_like_a_free_one(taken: str, working: Working) -> None:
    owner = make_user(taken, password="the password of the owner")
    with working():
        of_taken = sign_up(Client())
        of_free = sign_up(Client(), email="free@example.org")
    for one, other in [(of_taken, of_free)]:
        assert one.status_code == other.status_code == 302
        assert one["location"] == other["location"]
        assert plain(one.cookies["messages"].value) == plain(other.cookies["messages"].value)
    owner.refresh_from_db()
    assert owner.check_password("the password of the owner")
    assert Org.objects.count() == 1
    assert not User.objects.filter(email__contains="invalid").exists()
    subjects = {message.to[0]: message.subject for message in mail.outbox}
    assert subjects["ada@example.org"] == "You have a PulseOps account already"
    assert subjects["free@example.org"] == "Your PulseOps account is ready"


def plain(cookie: str) -> str:
    return re.sub(r":[\w-]+:[\w-]+$", "", cookie)


@pytest.mark.django_db
def test_a_taken_address_costs_the_same_statements() -> None:
    make_user("ada@example.org")
    counts = []
    for email in ("ada@example.org", "free@example.org"):
        with CaptureQueriesContext(connection) as queries:
            sign_up(Client(), email=email)
        counts.append(len([q for q in queries if q["sql"].startswith(("INSERT", "SELECT", "UPDATE"))]))
    assert counts[0] == counts[1]


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
def test_wrong_input_is_told_at_its_field_and_kept(client: Client, field: str, value: str, said: str) -> None:
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
def test_whoever_is_signed_in_goes_on(client_for: Callable[[User], Client]) -> None:
    response = client_for(make_user()).get("/signup")
    assert (response.status_code, response["location"]) == (302, "/dashboard")


@pytest.mark.django_db
def test_other_methods_are_refused(client: Client) -> None:
    assert client.put("/signup").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_sign_ups_at_once_get_one_address_between_them() -> None:
    outcomes = at_once(
        lambda: users.sign_up(name="", email="ann@example.org", password=PASSWORD, org_name="One"),
        lambda: users.sign_up(name="", email="Ann@example.org", password=PASSWORD, org_name="Two"),
    )
    assert outcomes == [None, None]
    assert User.objects.count() == Org.objects.count() == Membership.objects.count() == 1
