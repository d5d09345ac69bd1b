"""The frame in a real browser: theme, zone, copying, dialogs, menus, the phone, and what axe has to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.models import User
from tests.support.browser import assert_accessible, assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.core.frame_urls")]
PHONE = {"width": 390, "height": 844}


def background(page: Page) -> str:
    said: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return said


def test_the_theme_changes_at_once_and_sticks(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/")
    light = background(page)
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(page) != light
    dark = background(page)
    page.reload()
    assert page.content().startswith('<!DOCTYPE html><html lang="en" data-theme="dark"')
    assert background(page) == dark


def test_theme_and_zone_work_without_a_script(browser: Browser, live_server: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "tzname", "value": "Europe/Berlin", "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/?q=1")
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="switch to UTC").click()
    expect(page.get_by_role("button", name="Times in UTC")).to_be_visible()
    assert page.url == f"{live_server.url}/?q=1"
    context.close()


def test_the_zone_of_the_machine_is_known_from_the_second_page_on(browser: Browser, live_server: Any) -> None:
    context = browser.new_context(timezone_id="Asia/Kathmandu")
    page = context.new_page()
    page.goto(f"{live_server.url}/")
    expect(page.get_by_role("button", name="Times in UTC")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Times in UTC+05:45").click()
    expect(page.get_by_role("button", name="Times in UTC;")).to_be_visible()
    page.get_by_role("button", name="Times in UTC;").click()
    expect(page.get_by_role("button", name="Times in UTC+05:45")).to_be_visible()
    context.close()


def test_copying_puts_the_text_on_the_clipboard_and_says_so(
    page: Page, context: BrowserContext, live_server: Any
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/styleguide")
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "pol_3f9a0c51d2e84b7796a1"


def test_a_dialog_names_what_goes_and_escape_leaves_it(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/styleguide")
    page.get_by_role("button", name="Delete the service").click()
    dialog = page.get_by_role("dialog", name="Delete payments?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert dialog.locator("input:not([type=hidden])").count() == 0  # the page's own `form` must not leak into it
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Delete the service")).to_be_focused()


def test_menus_close_by_escape_and_by_a_click_elsewhere(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/styleguide")
    menu = page.locator("details.menu", has_text="Actions")
    menu.locator("summary").click()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Rename")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    menu.locator("summary").click()
    page.get_by_role("heading", name="Icons").click()
    expect(menu).not_to_have_attribute("open", "")


def test_good_news_leaves_and_trouble_stays(page: Page, live_server: Any) -> None:
    page.clock.install()
    page.goto(f"{live_server.url}/styleguide?toast=1")
    expect(page.get_by_text("The API key was revoked.")).to_be_visible()
    page.clock.fast_forward(7000)
    expect(page.get_by_text("The API key was revoked.")).to_be_hidden()
    expect(page.get_by_text("Slack refused the message")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Slack refused the message")).to_be_hidden()


def test_times_tick_in_the_words_of_the_server(page: Page, live_server: Any) -> None:
    page.clock.install()
    page.goto(f"{live_server.url}/styleguide")
    moment = page.locator("time[data-when]", has_text="3 min ago").first
    expect(moment).to_be_visible()
    handle = moment.element_handle()
    page.clock.fast_forward(60_000)
    page.wait_for_function("(time) => time.textContent === '4 min ago'", arg=handle)


def test_the_chosen_language_is_chosen_on_the_next_page_too(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/styleguide")
    page.locator(".tabset__choice").get_by_text("Python", exact=True).click()
    expect(page.get_by_text('getLogger("app")')).to_be_visible()
    page.reload()
    expect(page.get_by_text('getLogger("app")')).to_be_visible()


def test_a_phone_opens_the_places_from_a_button(
    page: Page, live_server: Any, admin: User, sign_in: Callable[[User], None]
) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    sign_in(admin)
    page.goto(f"{live_server.url}/logs/explorer")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Incidents")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Audit log")).to_be_visible()
    link.click()
    expect(page).to_have_url(f"{live_server.url}/incidents")
    assert_fits(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_for_axe_and_nothing_too_wide(
    page: Page, live_server: Any, admin: User, sign_in: Callable[[User], None], theme: str
) -> None:
    page.context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    for path in ("/", "/fail/404", "/fail/503"):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{live_server.url}{path}")
        assert_accessible(page)
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert_fits(page)
    sign_in(admin)
    page.goto(f"{live_server.url}/styleguide?toast=1")
    assert_fits(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_label("Organisation:").click()
    assert_accessible(page)
