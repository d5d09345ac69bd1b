"""The explorer at 390 px: filters in a sheet, a log as a page, nothing cut off, and all of it without a script."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import assert_accessible, assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREEN: Any = {"width": 390, "height": 844}


def assert_inside(page: Page, element: Locator) -> None:
    """All of it must be on the screen."""
    box = element.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= SCREEN["width"]
    assert box["y"] + box["height"] <= SCREEN["height"]


def test_filters_are_a_sheet_that_stays_for_several(explorer: Page) -> None:
    page = explorer
    page.set_viewport_size(SCREEN)
    facets = page.locator("#log-facets")
    expect(facets).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    expect(facets).to_be_visible()
    assert_inside(page, facets)
    assert_accessible(page)
    facets.locator("[title='Only error']").click()
    expect(page.get_by_role("button", name="Show 1 log")).to_be_visible()
    facets.get_by_role("button", name="Also info").click()
    page.get_by_role("button", name="Show 123 logs").click()
    expect(facets).to_be_hidden()
    expect(page.get_by_role("button", name="Filters 1")).to_be_visible()
    assert_fits(page)


def test_every_menu_and_the_log_fit_the_screen(explorer: Page, live_server: Any) -> None:
    page = explorer
    page.set_viewport_size(SCREEN)
    for name in ("Last hour", "Views", "View and links"):
        menu = page.locator("details[data-menu]").filter(
            has=page.locator(f"summary:has-text('{name}'), summary[aria-label='{name}']")
        )
        menu.locator("summary").click()
        panel = menu.locator(".menu__panel")
        expect(panel).to_be_visible()
        assert_inside(page, panel)
        page.mouse.click(195, 20)  # what it covers closes it
        expect(panel).to_be_hidden()
    page.goto(f"{live_server.url}/logs?q=charge")
    page.locator("[data-logs] .log__link").last.click()
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("at main.py:1")
    box = drawer.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, SCREEN["width"])
    for part in (".drawer__head", "[data-drawer-close]", ".log-detail__message", ".log-fields"):
        assert_inside(page, drawer.locator(part).first)
    assert_fits(page)


def test_it_works_without_a_script(browser: Browser, explorer: Page, live_server: Any) -> None:
    cookies: Any = explorer.context.cookies()
    context = browser.new_context(java_script_enabled=False, viewport=SCREEN)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"{live_server.url}/logs")
    page.get_by_role("searchbox", name="Search logs").fill("charge level:error")
    page.get_by_role("button", name="Search").click()
    row = page.locator("[data-log]").get_attribute("data-log")
    page.locator(".log__link").click()  # to the log's own page
    expect(page.locator("main")).to_contain_text("at main.py:1")
    page.goto(f"{live_server.url}/logs?q=charge+level:error&row={row}")
    expect(page.locator("#drawer")).to_contain_text("at main.py:1")
    page.get_by_role("link", name="Close").click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("link", name="clear").click()
    expect(page.locator("[data-log]")).to_have_count(2)
    page.locator("[data-chart] a:has(> .chart__column)").nth(30).click()
    expect(page.locator(".log-chart__line")).not_to_contain_text("1 min a bar")
    context.close()
