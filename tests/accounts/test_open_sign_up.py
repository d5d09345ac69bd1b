"""Sign-up where it is open to everybody, and mail is sent."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tasks
from accounts.models import Membership, Org, PendingAddress, User
from tests.accounts.conftest import Working
from tests.accounts.test_sign_up import sign_up
from tests.support.factories import PASSWORD, make_user

LINK = re.compile(r"http://localhost:8000(/account/confirm/[\w-]+)")


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
