"""Passkeys in a real Chromium, by its virtual authenticator."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditLog, Role, User
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import PASSWORD, make_member, make_org
from tests.support.passkeys import VirtualAuthenticator

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def base(live_server: LiveServer, settings: Settings) -> str:
    """The address as browsers know passkeys for: a name, no number."""
    settings.PUBLIC_URL = live_server.url.replace("127.0.0.1", "localhost")
    return str(settings.PUBLIC_URL)


@pytest.fixture
def user(base: str) -> User:
    """A member of an organisation that requires a second factor."""
    org = make_org("Acme")
    org.requires_two_factor = True
    org.save()
    return make_member(org, Role.VIEWER)


def give_password(page: Page, base: str, user: User) -> None:
    page.goto(f"{base}/login")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("(?<!/login)$"))


def add(page: Page, base: str, name: str, *, alone: bool = True) -> None:
    """Add a passkey, giving the password once more if that is asked for."""
    page.goto(f"{base}/account/2fa/passkeys/new")
    if "/account/reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in by it alone").set_checked(alone)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey was added.")).to_be_visible()


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def actions() -> list[str]:
    return list(AuditLog.objects.order_by("id").values_list("action", flat=True))


def test_a_passkey_is_added_signs_in_and_is_removed(page: Page, base: str, user: User) -> None:
    VirtualAuthenticator(page)
    give_password(page, base, user)
    assert page.url == f"{base}/account/2fa", "the organisation asks for a second factor"
    add(page, base, "Laptop")
    assert page.url == f"{base}/account/2fa/recovery-codes"
    page.goto(f"{base}/dashboard")
    assert page.url == f"{base}/dashboard", "it counts as one"

    sign_out(page)
    page.goto(f"{base}/login?next=/account/2fa/passkeys")
    page.get_by_role("button", name="Sign in by a passkey").click()
    page.wait_for_url(f"{base}/account/2fa/passkeys")
    row = page.get_by_role("row", name="Laptop")
    expect(row.get_by_text("by itself")).to_be_visible()
    assert Authenticator.objects.get(user=user, type="webauthn").last_used_at

    row.get_by_role("link", name="Remove").click()
    page.get_by_role("link", name="Use a passkey instead").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The passkey was removed.")).to_be_visible()
    assert not Authenticator.objects.filter(user=user).exists(), "the recovery codes go with the last factor"
    page.goto(f"{base}/dashboard")
    assert page.url == f"{base}/account/2fa"
    assert [each for each in actions() if "passkey" in each] == ["user.passkey_added", "user.passkey_removed"]


def test_a_passkey_is_the_second_factor(page: Page, base: str, user: User) -> None:
    device = VirtualAuthenticator(page)
    give_password(page, base, user)
    add(page, base, "Key", alone=False)
    sign_out(page)
    give_password(page, base, user)
    assert page.url == f"{base}/account/2fa/sign-in"
    expect(page.get_by_label("Code")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{base}/dashboard")
    sign_out(page)

    page.goto(f"{base}/login")
    device.forget_all()
    page.get_by_role("button", name="Sign in by a passkey").click()
    expect(page.get_by_text("No passkey was used")).to_be_visible()


def test_a_device_that_verifies_no_one_signs_in_after_the_password_alone(page: Page, base: str, user: User) -> None:
    """Even with a challenge that a page for second factors made."""
    VirtualAuthenticator(page, verifies_user=False)
    give_password(page, base, user)
    add(page, base, "Key", alone=False)
    sign_out(page)
    give_password(page, base, user)
    page.evaluate("document.querySelector('form[data-passkey]').setAttribute('action', '/login/passkey')")
    with page.expect_navigation():
        page.get_by_role("button", name="Use a passkey").click()
    page.goto(f"{base}/account")
    assert page.url == f"{base}/account/2fa/sign-in", "the second step is still to come"


def test_pages_are_accessible_and_fit_a_phone(page: Page, base: str, user: User, sign_in: Any) -> None:
    VirtualAuthenticator(page)
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    give_password(page, base, user)
    add(page, base, "A passkey with a rather long name, as some like them to be")
    pk = Authenticator.objects.get(user=user, type="webauthn").pk
    own = "/account/2fa/passkeys"
    for path in ("/account/2fa", own, f"{own}/new", f"{own}/confirm", f"{own}/{pk}/name", f"{own}/{pk}/remove"):
        page.goto(f"{base}{path}")
        assert_accessible(page)
        assert_fits(page)
    sign_out(page)
    page.goto(f"{base}/login")
    assert_accessible(page)
    assert_fits(page)
