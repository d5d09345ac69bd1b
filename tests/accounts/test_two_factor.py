from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Role, User
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD


def code_for(secret: str) -> str:
    """Return the code that an authenticator app shows now."""
    _, now, _ = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, now))


def signed_in(user: User) -> Client:
    client = Client()
    client.post("/login", {"login": user.email, "password": PASSWORD})
    return client


def switch_on(user: User) -> str:
    """Switch two-factor sign-in on as a person does; returns the app's secret."""
    client = signed_in(user)
    assert client.get("/account/2fa/app")["location"].startswith("/account/reauthenticate")
    client.post("/account/reauthenticate", {"password": PASSWORD, "next": "/account/2fa/app"})
    page = client.get("/account/2fa/app").content.decode()
    found = re.search(r'id="totp_secret">(\w+)<', page)
    assert found, page
    assert "data:image/svg+xml;base64," in page
    response = client.post("/account/2fa/app", {"code": code_for(found[1])})
    assert (response.status_code, response["location"]) == (302, "/account/2fa/recovery-codes")
    return found[1]


@pytest.fixture
def secret(viewer: User, django_capture_on_commit_callbacks: Any) -> str:
    with django_capture_on_commit_callbacks(execute=True):
        return switch_on(viewer)


def later(seconds: int = 90) -> Any:
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds))


@pytest.mark.django_db
def test_page_offers_it(viewer: User) -> None:
    page = signed_in(viewer).get("/account/2fa").content.decode()
    assert "Switch on" in page
    assert "Recovery codes" not in page


@pytest.mark.django_db
def test_switching_on_is_recorded_and_mailed(viewer: User, working: Working, audited: Callable[[], list[str]]) -> None:
    with working():
        switch_on(viewer)
    assert "user.two_factor_enabled" in audited()
    assert "switched on" in mail.outbox[0].body


@pytest.mark.django_db
def test_switching_on_ends_the_other_sessions(
    viewer: User, audited: Callable[[], list[str]], django_capture_on_commit_callbacks: Any
) -> None:
    """Anyone who holds one of them has shown no second factor."""
    elsewhere = signed_in(viewer)
    with django_capture_on_commit_callbacks(execute=True):
        switch_on(viewer)
    assert elsewhere.get("/dashboard").status_code == 302
    assert "session.others_ended" in audited()


@pytest.mark.django_db
def test_the_code_that_switched_it_on_signs_in_no_more(viewer: User) -> None:
    """Anyone who looked over a shoulder has it."""
    with time_machine.travel(timezone.now(), tick=False):
        secret = switch_on(viewer)
        client = signed_in(viewer)
        page = client.post("/account/2fa/sign-in", {"code": code_for(secret)})
    assert page.status_code == 200
    assert page.context["form"].errors["code"]


@pytest.mark.django_db
def test_secrets_are_not_readable_in_the_table(viewer: User, secret: str) -> None:
    stored = {each.type: each for each in Authenticator.objects.filter(user=viewer)}
    assert secret not in str(stored["totp"].data)
    assert stored["totp"].wrap().validate_code(code_for(secret))
    assert str(stored["recovery_codes"].data["seed"]).startswith("gAAAA")


@pytest.mark.django_db
def test_sign_in_asks_for_the_code(viewer: User, secret: str, audited: Callable[[], list[str]]) -> None:
    with later():
        client = Client()
        response = client.post("/login", {"login": viewer.email, "password": PASSWORD, "next": "/account/sessions"})
        assert response["location"] == "/account/2fa/sign-in"
        assert client.get("/account").status_code == 302, "the password alone is not enough"
        assert client.post("/account/2fa/sign-in", {"code": "000000"}).status_code == 200
        assert audited()[-1] == "user.two_factor_failed"
        response = client.post("/account/2fa/sign-in", {"code": code_for(secret)})
        assert response["location"] == "/account/sessions"
        assert client.get("/account").status_code == 200
        assert audited()[-1] == "user.signed_in"


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["", "é", "a\0b", "9" * 1000])
def test_odd_codes_are_refused(viewer: User, secret: str, code: str) -> None:
    client = signed_in(viewer)
    response = client.post("/account/2fa/sign-in", {"code": code})
    assert response.status_code == 200
    assert response.context["form"].errors["code"]


@pytest.mark.django_db
def test_a_code_works_once(viewer: User, secret: str) -> None:
    with later():
        code = code_for(secret)
        assert signed_in(viewer).post("/account/2fa/sign-in", {"code": code}).status_code == 302
        assert signed_in(viewer).post("/account/2fa/sign-in", {"code": code}).status_code == 200
    with later(90 + 31):  # within the tolerance, but past the 30 seconds for which allauth remembers it
        assert signed_in(viewer).post("/account/2fa/sign-in", {"code": f" {code[:3]} {code[3:]}"}).status_code == 200


@pytest.mark.django_db
def test_a_recovery_code_works_once(viewer: User, secret: str, audited: Callable[[], list[str]]) -> None:
    code = Authenticator.objects.get(user=viewer, type="recovery_codes").wrap().get_unused_codes()[0]
    assert signed_in(viewer).post("/account/2fa/sign-in", {"code": code}).status_code == 302
    assert "user.recovery_code_used" in audited()
    assert signed_in(viewer).post("/account/2fa/sign-in", {"code": code}).status_code == 200


@pytest.mark.django_db
def test_guessing_is_throttled(viewer: User, secret: str) -> None:
    client = signed_in(viewer)
    for number in range(6):
        response = client.post("/account/2fa/sign-in", {"code": f"00000{number}"})
    assert "Too many attempts" in str(response.context["form"].errors["code"])


@pytest.mark.django_db
def test_the_second_step_has_no_page_without_the_first(client: Client) -> None:
    assert client.get("/account/2fa/sign-in")["location"] == "/login"
    assert client.post("/account/2fa/sign-in", {"code": "000000"})["location"] == "/login"


@pytest.mark.django_db
def test_cancelling_forgets_the_first_step(viewer: User, secret: str) -> None:
    client = signed_in(viewer)
    assert client.get("/login")["location"] == "/account/2fa/sign-in"
    client.post("/logout", {"next": "/login"})
    assert client.get("/login").status_code == 200


@pytest.mark.django_db
def test_switching_off_asks_again_and_is_recorded(
    viewer: User, secret: str, working: Working, audited: Callable[[], list[str]]
) -> None:
    with later():
        client = signed_in(viewer)
        client.post("/account/2fa/sign-in", {"code": code_for(secret)})
        assert client.post("/account/2fa/app/remove")["location"].startswith("/account/reauthenticate")
        client.post("/account/reauthenticate", {"password": PASSWORD})
        assert client.get("/account/2fa/app/remove").status_code == 200
        with working():
            assert client.post("/account/2fa/app/remove")["location"] == "/account/2fa"
    assert not Authenticator.objects.filter(user=viewer).exists()
    assert audited()[-1] == "user.two_factor_disabled"
    assert "switched off" in mail.outbox[-1].body


@pytest.mark.django_db
def test_recovery_codes_are_shown_downloaded_and_made_anew(
    viewer: User, secret: str, working: Working, audited: Callable[[], list[str]]
) -> None:
    with later():
        client = signed_in(viewer)
        client.post("/account/2fa/sign-in", {"code": code_for(secret)})
        assert client.get("/account/2fa/recovery-codes")["location"].startswith("/account/reauthenticate")
        client.post("/account/reauthenticate", {"password": PASSWORD})
        old = client.get("/account/2fa/recovery-codes/download").content.decode().split()
        assert len(old) == 10
        assert old[0] in client.get("/account/2fa/recovery-codes").content.decode()
        assert client.get("/account/2fa/recovery-codes/new").status_code == 200
        with working():
            client.post("/account/2fa/recovery-codes/new")
        new = client.get("/account/2fa/recovery-codes/download").content.decode().split()
    assert not set(old) & set(new)
    assert audited()[-1] == "user.recovery_codes_made"


@pytest.mark.django_db
def test_confirming_with_a_code_instead(viewer: User, secret: str) -> None:
    with later():
        client = signed_in(viewer)
        client.post("/account/2fa/sign-in", {"code": code_for(secret)})
        assert "Use a code instead" in client.get("/account/reauthenticate").content.decode()
    with later(180):
        response = client.post(
            "/account/2fa/reauthenticate", {"code": code_for(secret), "next": "/account/2fa/app/remove"}
        )
        assert response["location"] == "/account/2fa/app/remove"
        assert client.get("/account/2fa/app/remove").status_code == 200


@pytest.mark.django_db
def test_the_django_admin_is_not_a_way_round(secret: str, viewer: User) -> None:
    User.objects.filter(pk=viewer.pk).update(is_superuser=True)
    client = Client()
    assert client.get("/admin/")["location"].startswith("/admin/login/")
    assert client.get("/admin/login/?next=/admin/")["location"] == "/login?next=%2Fadmin%2F"
    response = client.post("/admin/login/", {"username": viewer.email, "password": PASSWORD})
    assert response["location"].startswith("/login")
    response = client.post("/login", {"login": viewer.email, "password": PASSWORD, "next": "/admin/"})
    assert response["location"] == "/account/2fa/sign-in"
    assert client.get("/admin/").status_code == 302


@pytest.mark.django_db
def test_an_accepted_password_reset_is_not_a_way_round(viewer: User, secret: str) -> None:
    viewer.set_password("another good password")
    viewer.save()
    client = Client()
    response = client.post("/login", {"login": viewer.email, "password": "another good password"})
    assert response["location"] == "/account/2fa/sign-in"


@pytest.mark.django_db
def test_admins_see_who_has_it(viewer: User, secret: str, client_for: Callable[[User], Client], admin: User) -> None:
    members = client_for(admin).get("/orgs/members").context["members"]
    assert {member.user.email: member.has_two_factor for member in members} == {admin.email: False, viewer.email: True}
    assert Membership.objects.get(user=viewer).role == Role.VIEWER
