"""Who may sign up: the first person, everybody where that is open and mail is sent, and else the invited."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tasks
from accounts.actions import users
from accounts.models import AuditLog, Membership, Org, PendingAddress, Session, User
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_user
from tests.support.threads import at_once

GOOD = {"name": "Ada Lovelace", "email": "ada@example.org", "org": "Analytical Engines", "password": PASSWORD}
LINK = re.compile(r"http://localhost:8000(/account/confirm/[\w-]+)")


def sign_up(client: Client, **fields: str) -> Any:
    return client.post("/signup", {**GOOD, **fields})


@pytest.fixture
def is_open(settings: Any) -> None:
    """Sign-up for everybody, with a mail server."""
    settings.SIGNUP, settings.EMAIL_URL = "open", "smtp://mail.example.org"


@pytest.fixture
def link(is_open: None, client: Client, working: Working) -> str:
    """The path of the link that was mailed to who signed up as GOOD."""
    with working():
        sign_up(client)
    found = LINK.search(mail.outbox[-1].body)
    assert found
    return found[1]


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


# -- Open, with mail -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_account_is_made_when_the_link_is_opened_with_the_password(client: Client, link: str) -> None:
    assert not User.objects.exists()
    assert not Org.objects.exists()
    assert "ada@example.org" in client.get(link).content.decode()
    assert not User.objects.exists(), "looking makes nothing"
    assert client.post(link, {"password": PASSWORD})["location"] == "/services/new"
    member = Membership.objects.select_related("user", "org").get()
    assert (member.user.email, member.org.name, member.role) == ("ada@example.org", "Analytical Engines", "admin")
    assert member.user.email_verified_at
    assert not member.user.is_superuser
    assert client.get("/account").status_code == 200
    assert Client().get(link).status_code == 404


@pytest.mark.django_db
def test_who_reads_the_mail_cannot_have_what_a_stranger_began(link: str) -> None:
    owner = Client()
    for _ in range(5):
        response = owner.post(link, {"password": "a guess of mine"})
        assert "not the password that was chosen" in str(response.context["form"].errors)
    assert "Too many" in str(owner.post(link, {"password": PASSWORD}).context["form"].errors)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_stranger_who_signed_up_first_is_not_in_the_owners_way(
    is_open: None, working: Working, client: Client
) -> None:
    with working():
        sign_up(client, password="the password of a stranger")
        sign_up(client, password="the password of the owner")
    strangers, owners = (LINK.search(each.body)[1] for each in mail.outbox)  # type: ignore[index]
    assert client.post(owners, {"password": "the password of the owner"}).status_code == 302
    late = Client().post(strangers, {"password": "the password of a stranger"})
    assert late.status_code == 410
    assert User.objects.get().check_password("the password of the owner")


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["expired", "closed", "unknown"])
def test_a_link_that_is_over_makes_nothing(client: Client, link: str, settings: Any, change: str) -> None:
    if change == "expired":
        PendingAddress.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif change == "closed":
        settings.SIGNUP = "invited"
    else:
        link = link + "x"
    assert client.post(link, {"password": PASSWORD}).status_code == (410 if change == "closed" else 404)
    assert not User.objects.exists()
    assert tasks.trim_pending_addresses() is not None
    assert PendingAddress.objects.count() == (0 if change == "expired" else 1)


@pytest.mark.django_db
@pytest.mark.parametrize("taken", ["ada@example.org", "ADA@example.org", "Ada@Example.ORG"])
def test_a_taken_address_is_answered_like_a_free_one(is_open: None, taken: str, working: Working) -> None:
    owner = make_user(taken, password="the password of the owner")
    clients = {"ada@example.org": Client(), "ido@example.org": Client()}
    with working():
        for email, client in clients.items():
            response = sign_up(client, email=email)
            assert (response.status_code, response["location"]) == (302, "/login")
    for email, client in clients.items():
        assert f"Open the link that we have sent to {email}" in client.get("/login").content.decode()
    owner.refresh_from_db()
    assert owner.check_password("the password of the owner")
    assert not Org.objects.exists()
    subjects = {message.to[0]: message.subject for message in mail.outbox}
    assert subjects["ada@example.org"] == "You have a PulseOps account already"
    assert subjects["ido@example.org"] == "Confirm your address for PulseOps"


@pytest.mark.django_db
def test_a_taken_address_costs_the_same_statements(is_open: None) -> None:
    make_user("ada@example.org")
    statements = []
    sign_up(Client(), email="earlier@example.org")  # counts the first one of this network
    for email in ("ada@example.org", "free@example.org"):
        with CaptureQueriesContext(connection) as queries:
            sign_up(Client(), email=email)
        statements.append([query["sql"].split()[0] for query in queries])
    assert statements[0] == statements[1]


@pytest.mark.django_db
def test_one_mailbox_gets_three_mails_a_day(is_open: None, working: Working) -> None:
    with working():
        for number in range(6):
            assert sign_up(Client(REMOTE_ADDR=f"192.0.2.{number}"), email="ADA@example.org").status_code == 302
    assert len(mail.outbox) == 3


@pytest.mark.django_db
def test_neither_queue_nor_table_holds_a_token_or_a_password(
    is_open: None, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        sign_up(client)
    pending = PendingAddress.objects.get()
    assert pending.token_hash is None, "the worker makes it"
    assert pending.password.startswith("bcrypt$$2b$")


@pytest.mark.django_db
def test_no_one_is_superuser_by_open_sign_up(client: Client, link: str) -> None:
    client.post(link, {"password": PASSWORD})
    assert not User.objects.filter(is_superuser=True).exists()
