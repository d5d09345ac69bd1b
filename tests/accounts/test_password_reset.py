from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import AuditLog, Session, User
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_user

NEW = "another good password"


def link_for(email: str, working: Working) -> str:
    """Ask for a link and return its path out of the mail."""
    mail.outbox.clear()
    with working():
        assert Client().post("/account/reset", {"email": email}).status_code == 302
    found = re.search(r"http://localhost:8000(/account/reset/\S+)", mail.outbox[0].body)
    assert found
    return found[1]


def set_password(client: Client, link: str, password: str) -> int:
    """Follow the link and send the form; returns the last status."""
    form = client.get(link, follow=True)
    return client.post(form.request["PATH_INFO"], {"password1": password}).status_code


@pytest.mark.django_db
def test_pages_show(client: Client) -> None:
    assert 'name="email"' in client.get("/account/reset").content.decode()
    assert "on its way" in client.get("/account/reset/sent").content.decode()


@pytest.mark.django_db
def test_whether_an_address_exists_is_not_revealed(working: Working) -> None:
    make_user("known@example.org")
    make_user("off@example.org", is_active=False)
    answers = []
    for email in ("known@example.org", "unknown@example.org", "off@example.org"):
        before = OrmQ.objects.count()
        with working():
            response = Client().post("/account/reset", {"email": email})
        answers.append((response.status_code, response["location"], OrmQ.objects.count() - before))
    assert answers == [(302, "/account/reset/sent", 0)] * 3
    assert [message.to for message in mail.outbox] == [["known@example.org"]]


@pytest.mark.django_db
def test_link_sets_a_password_once(working: Working, audited: Callable[[], list[str]]) -> None:
    user = make_user("Known@Example.org")
    signed_in = Client()
    signed_in.force_login(user)
    link = link_for("KNOWN@example.org", working)
    client = Client()
    assert set_password(client, link, NEW) == 302
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert signed_in.get("/account").status_code == 302
    assert not Session.objects.filter(user=user).exists()
    assert audited() == ["user.password_reset"]
    assert client.get("/account").status_code == 302, "a reset signs nobody in"
    assert "does not work" in Client().get(link, follow=True).content.decode()


@pytest.mark.django_db
def test_key_does_not_stay_in_the_address(working: Working) -> None:
    make_user("known@example.org")
    link = link_for("known@example.org", working)
    page = Client().get(link)
    assert page.status_code == 302
    assert page["location"].endswith("-set-password")


@pytest.mark.django_db
def test_a_signed_in_user_resets_their_own(working: Working) -> None:
    user = make_user("known@example.org")
    client = Client()
    client.force_login(user)
    assert set_password(client, link_for(user.email, working), NEW) == 302
    assert client.get("/login").status_code == 200


@pytest.mark.django_db
def test_link_of_someone_else_signs_out(working: Working, viewer: User) -> None:
    user = make_user("known@example.org")
    client = Client()
    client.force_login(viewer)
    assert set_password(client, link_for(user.email, working), NEW) == 302
    user.refresh_from_db()
    assert user.check_password(NEW)
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)


@pytest.mark.django_db
def test_link_dies_after_an_hour_and_with_the_next_sign_in(working: Working) -> None:
    user = make_user("known@example.org")
    link = link_for(user.email, working)
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        assert "does not work" in Client().get(link, follow=True).content.decode()
    assert Client().post("/login", {"login": user.email, "password": PASSWORD}).status_code == 302
    assert "does not work" in Client().get(link, follow=True).content.decode()


@pytest.mark.django_db
def test_weak_password_is_refused(working: Working) -> None:
    user = make_user("known@example.org")
    assert set_password(Client(), link_for(user.email, working), "short") == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["0" * 32 + "-abc-def", "f" * 32 + "-set-password"])
def test_made_up_links_lead_nowhere(client: Client, key: str) -> None:
    assert "does not work" in client.get(f"/account/reset/{key}").content.decode()
    assert "does not work" in client.post(f"/account/reset/{key}", {"password1": NEW}).content.decode()


@pytest.mark.django_db
def test_accounts_that_differ_in_case_get_their_own_links(working: Working) -> None:
    lower, upper = User.objects.create(email="ann@example.org"), User.objects.create(email="Ann@example.org")
    assert upper.pk.hex in link_for("Ann@example.org", working)
    assert lower.pk.hex in link_for("ann@example.org", working)
    mail.outbox.clear()
    with working():
        Client().post("/account/reset", {"email": "ANN@example.org"})
    assert mail.outbox == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mail_url", "is_proved", "is_dropped"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_strangers_second_factor_on_an_unproved_address_goes_with_the_reset(
    working: Working, settings: Any, mail_url: bool, is_proved: bool, is_dropped: bool
) -> None:
    user = make_user("ceo@example.org", email_verified_at=timezone.now() if is_proved else None)
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    settings.EMAIL_URL = "smtp://mail.example.org" if mail_url else ""
    set_password(Client(), link_for(user.email, working), NEW)
    assert Authenticator.objects.filter(user=user).exists() is not is_dropped
    user.refresh_from_db()
    assert bool(user.email_verified_at) is (mail_url or is_proved)
    assert AuditLog.objects.filter(action="user.two_factor_disabled").exists() is is_dropped
