"""Inviting and joining in two real browsers; and axe on every page about accounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.actions.invitations import invite
from accounts.models import Membership, Role, User
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import PASSWORD, make_member, make_org, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def boss(page: Page, live_server: LiveServer, settings: Settings, sign_in: Callable[[User], None]) -> User:
    """The admin of an organisation, signed in."""
    settings.PUBLIC_URL = live_server.url
    user = make_member(make_org("Acme"), Role.ADMIN, user=make_user("boss@example.org", name="Ada Lovelace"))
    sign_in(user)
    return user


def test_an_invited_viewer_joins(page: Page, browser: Browser, live_server: LiveServer, boss: User) -> None:
    page.goto(f"{live_server.url}/orgs/members")
    page.get_by_label("E-mail").fill("grace@example.org")
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Create link").click()
    link = page.locator("#invitation_link").inner_text()

    theirs = browser.new_page()
    theirs.goto(link)
    expect(theirs.get_by_label("E-mail")).to_have_value("grace@example.org")
    theirs.get_by_label("Your name").fill("Grace Hopper")
    theirs.get_by_label("Password").fill(PASSWORD)
    theirs.get_by_role("button", name="Sign up and join").click()
    expect(theirs.get_by_text("Welcome to Acme.")).to_be_visible()
    theirs.goto(f"{live_server.url}/orgs/members")
    expect(theirs.get_by_text("Grace Hopper")).to_be_visible()
    expect(theirs.get_by_text("Invite a colleague")).to_have_count(0)
    theirs.close()

    page.goto(f"{live_server.url}/orgs/members")
    row = page.get_by_role("row", name="Grace Hopper")
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Grace Hopper is no longer a member.")).to_be_visible()
    assert Membership.objects.count() == 1


def test_pages_are_accessible_and_fit_a_phone(page: Page, live_server: LiveServer, boss: User) -> None:
    org = boss.memberships.get().org
    make_member(org, Role.VIEWER)
    _, token = invite(actor=boss, org=org, email="somebody@a-rather-long-department.example.org", role=Role.VIEWER)
    own = ("/account", "/account/password", "/account/2fa", "/account/connections", "/account/sessions", "/orgs")
    of_org = ("/orgs/settings", "/orgs/provider", "/orgs/members", "/settings/audit", f"/invite/{token}")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    for path in own + of_org:
        look_at(page, f"{live_server.url}{path}")
    page.context.clear_cookies()
    for path in ("/login", "/signup", "/account/reset", "/invite/x", f"/invite/{token}"):
        look_at(page, f"{live_server.url}{path}")


def look_at(page: Page, url: str) -> None:
    """Let axe see the page on a phone, where nothing may stick out."""
    page.goto(url)
    assert_accessible(page)
    assert_fits(page)
    for tab in page.locator(".tabs [aria-current]").all():
        expect(tab).to_be_in_viewport(ratio=1)
