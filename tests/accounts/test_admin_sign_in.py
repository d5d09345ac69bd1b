"""The Django admin asks a superuser for the password or a code again, however long the session lasts."""

from __future__ import annotations

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.support.factories import PASSWORD
from tests.support.sign_in import signed_in

LATE = 31 * 60  # seconds
SET_PASSWORD = "/admin/accounts/user/{}/password/"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", PASSWORD)


def test_an_old_session_is_asked_again_and_led_back(root: User) -> None:
    client = signed_in(root, proved_seconds_ago=LATE)
    path = SET_PASSWORD.format(root.pk)
    answer = client.get(path, follow=True)
    assert [where for where, _ in answer.redirect_chain] == [
        f"/admin/login/?next={path}",
        f"/account/reauthenticate?next={path.replace('/', '%2F')}",
    ]
    answer = client.post("/account/reauthenticate", {"password": PASSWORD, "next": path})
    assert answer["location"] == path
    assert client.get(path).status_code == 200


def test_an_old_session_changes_nothing_and_its_form_is_not_kept(root: User) -> None:
    client = signed_in(root, proved_seconds_ago=LATE)
    new = "another good password"
    data = {"usable_password": "true", "password1": new, "password2": new, "set-password": "1"}
    assert client.post(SET_PASSWORD.format(root.pk), data)["location"].startswith("/admin/login/")
    root.refresh_from_db()
    assert root.check_password(PASSWORD)
    assert new not in str(dict(client.session.items()))


def test_a_session_without_any_proof_is_asked(root: User, client: Client) -> None:
    client.force_login(root)
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/account/reauthenticate")


def test_the_time_is_a_setting(root: User, settings: Settings) -> None:
    client = signed_in(root, proved_seconds_ago=LATE)
    settings.ADMIN_PROOF_MINUTES = 32
    assert client.get("/admin/").status_code == 200


def test_a_code_will_do(root: User) -> None:
    TOTP.activate(root, "JBSWY3DPEHPK3PXP")
    code = RecoveryCodes.activate(root).get_unused_codes()[0]
    client = signed_in(root, proved_seconds_ago=LATE)
    client.post("/account/2fa/reauthenticate", {"code": code, "next": "/admin/"})
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("target", ["//evil.example/admin/", "https://evil.example/", "/dashboard", "/admin/login/"])
def test_it_leads_nowhere_else(root: User, target: str) -> None:
    assert signed_in(root).get("/admin/login/", {"next": target})["location"] == "/admin/"
