"""The histogram in a browser: clicks, drags and keys zoom, each to an address that the browser's Back leaves again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Role, User
from tests.support.factories import make_member, make_org

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ZOOMED_IN = re.compile(r"from=\d{4}-[^&]*&to=\d{4}-")
ZOOMED_OUT = re.compile(r"from=\d{4}-[^&]*$")


def bars(page: Page) -> Any:
    return page.locator("[data-chart] a:has(> .chart__column)")


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def minutes(page: Page) -> float:
    """How long the range of the address is."""
    said = asked(page)
    return (datetime.fromisoformat(said["to"]) - datetime.fromisoformat(said["from"])).total_seconds() / 60


def drag(page: Page, start: float, end: float) -> None:
    """Drag over the chart between two shares of its width."""
    box = page.locator("[data-chart]").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, middle, steps=4)
    page.mouse.up()


def test_a_drag_zooms_in_and_back_zooms_out(explorer: Page, live_server: Any) -> None:
    page = explorer
    drag(page, 0.8, 0.9)
    expect(page).to_have_url(ZOOMED_IN)
    assert 6 <= minutes(page) <= 8
    expect(page.locator(".log-chart__line strong")).not_to_have_text("123 logs")
    expect(page.locator("header.bar")).to_have_count(1)  # of the answer only the explorer was taken
    page.go_back()
    expect(page).to_have_url(f"{live_server.url}/logs")
    expect(page.locator(".log-chart__line strong")).to_have_text("123 logs")
    page.keyboard.press("Control+k")  # what is not of the explorer is as it was
    expect(page.locator("#palette")).to_be_visible()


def test_a_click_zooms_to_its_bar_and_a_double_click_out(explorer: Page, live_server: Any) -> None:
    page = explorer
    bars(page).nth(50).click()
    expect(page.locator(".log-chart__line")).to_contain_text("1 s a bar")
    expect(page).to_have_url(ZOOMED_IN)
    assert minutes(page) == 1
    page.locator("[data-chart]").dblclick(position={"x": 300, "y": 50})
    expect(page.locator(".log-chart__line")).to_contain_text("2 s a bar")
    assert minutes(page) == 3  # the minute in the middle of three
    page.go_back()
    expect(page.locator(".log-chart__line")).to_contain_text("1 s a bar")  # nothing lies in between


def test_a_double_click_after_a_drag_goes_out_again(explorer: Page, live_server: Any) -> None:
    page = explorer
    drag(page, 0.5, 1.4)  # let go beyond the end of the chart, where no click comes
    expect(page).to_have_url(ZOOMED_IN)
    expect(page.locator(".log-chart__line")).to_contain_text("30 s a bar")
    assert 30 <= minutes(page) <= 31
    page.locator("[data-chart]").dblclick(position={"x": 300, "y": 50})
    expect(page).to_have_url(ZOOMED_OUT)
    expect(page.locator(".log-chart__line")).to_contain_text("1 min a bar")
    drag(page, 0.4, 0.3)  # from right to left is the same
    expect(page).to_have_url(ZOOMED_IN)


def test_escape_gives_a_drag_up(explorer: Page, live_server: Any) -> None:
    page = explorer
    box = page.locator("[data-chart]").bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 40, steps=3)
    expect(page.locator(".log-chart__drag")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".log-chart__drag")).to_have_count(0)
    page.mouse.up()
    expect(page).to_have_url(f"{live_server.url}/logs")


def test_the_keyboard_zooms_as_well(explorer: Page) -> None:
    page = explorer
    expect(page.locator("[data-chart] a[tabindex='0']")).to_have_count(1)
    page.get_by_role("link", name="Zoom out").focus()
    page.keyboard.press("Shift+Tab")
    expect(bars(page).last).to_be_focused()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".log-chart__drag")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(ZOOMED_IN)
    assert minutes(page) == 4
    expect(bars(page).last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator(".log-chart__line")).to_contain_text("20 ms a bar")
    expect(bars(page).last).to_be_focused()
    page.keyboard.press("z")
    expect(page.locator(".log-chart__line")).to_contain_text("100 ms a bar")


def test_a_search_filtered_zoomed_and_shared_is_the_same_for_another_member(
    explorer: Page, context: BrowserContext, live_server: Any, developer: User, sign_in: Callable[[User], None]
) -> None:
    page = explorer
    org = developer.memberships.get().org
    page.get_by_role("searchbox", name="Search logs").fill("charge")
    page.keyboard.press("Enter")
    expect(page.locator("[data-log]")).to_have_count(2)
    page.locator("[data-logs] .log__link").first.click()
    page.locator("#drawer").get_by_role("link", name="Only user.id 8").click(force=True)
    expect(page.locator("[data-log]")).to_have_count(1)
    bars(page).filter(has=page.locator(".tone-info")).last.click()
    expect(page.locator(".log-chart__line")).not_to_contain_text("1 min a bar")
    expect(page).to_have_url(ZOOMED_IN)
    page.locator("[data-logs] .log__link").click()
    expect(page.locator("#drawer")).to_contain_text("user.id")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#drawer [data-copied]")).to_have_count(1)
    link = page.evaluate("navigator.clipboard.readText()")
    seen = page.locator("#explorer .explorer__main").inner_text()

    colleague = make_member(org, Role.VIEWER)
    make_org("Elsewhere", admin=colleague)  # where they may be at the moment
    sign_in(colleague)
    page.goto(f"{live_server.url}/orgs")
    page.goto(link)
    expect(page.locator("[data-log]")).to_have_count(1)
    expect(page.locator("#drawer")).to_contain_text("user.id")
    assert "org=" not in page.url
    took = re.compile(r"\d+ ms\n")
    assert took.sub("", page.locator("#explorer .explorer__main").inner_text()) == took.sub("", seen)
