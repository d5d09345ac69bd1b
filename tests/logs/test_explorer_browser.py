"""The explorer's journeys in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import assert_accessible

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def messages(page: Page) -> list[str]:
    return page.locator("[data-logs] .log__message").all_inner_texts()


def test_from_a_search_to_one_log_and_its_trace(explorer: Page, live_server: Any) -> None:
    page = explorer
    expect(page.locator("[data-log]")).to_have_count(100)
    page.keyboard.press("/")
    page.keyboard.type("charge")
    page.keyboard.press("Enter")
    expect(page.locator("[data-log]")).to_have_count(2)
    assert page.url.endswith("/logs?q=charge&good=") or "q=charge" in page.url
    expect(page.locator("mark").first).to_have_text("charge")
    page.locator("#log-facets").get_by_title("Only error").click()
    expect(page.locator("[data-log]")).to_have_count(1)
    expect(page.locator(".pill")).to_have_count(2)
    expect(page.locator(".log__more")).to_contain_text("2")

    page.locator(".log__link").click()
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("at main.py:1")
    assert "row=" in page.url
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.locator(".drawer--open")).to_have_count(0)
    page.go_back()
    expect(page.locator(".drawer--open")).to_have_count(1)
    page.locator("#drawer").get_by_role("link", name="All of the trace").click()
    expect(page.locator("[data-log]")).to_have_count(2)
    assert messages(page)[-1] == "charge accepted"  # the oldest first
    assert "order=oldest" in page.url
    expect(page.locator(".drawer--open")).to_have_count(0)  # on a phone it would lie over all of them


def test_a_mistake_is_reported_and_the_rows_stay(explorer: Page) -> None:
    page = explorer
    box = page.get_by_role("searchbox", name="Search logs")
    box.fill("charge")
    box.press("Enter")
    expect(page.locator("[data-log]")).to_have_count(2)
    box.fill("charge (")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This bracket is not closed.")
    expect(page.locator("[data-log]")).to_have_count(2)
    expect(box).to_have_value("charge (")
    assert_accessible(page)


def test_keys_walk_rows_filter_and_wrap(explorer: Page) -> None:
    page = explorer
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_contain_text("at main.py:1")
    page.keyboard.press("k")
    expect(page.locator("#drawer")).to_contain_text("charge accepted")
    page.keyboard.press("Escape")
    expect(page.locator(".drawer--open")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.locator(".logs--wrap")).to_have_count(1)


def test_a_view_is_saved_and_opened_again(explorer: Page) -> None:
    page = explorer
    page.get_by_role("searchbox", name="Search logs").fill("level:error")
    page.keyboard.press("Enter")
    expect(page.locator("[data-log]")).to_have_count(1)
    page.locator(".log-views > summary").click()
    page.get_by_label("Save this page as").fill("Only errors")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    page.get_by_role("link", name="Reset").click()
    expect(page.locator("[data-log]")).to_have_count(100)
    page.locator(".log-views > summary").click()
    page.get_by_role("link", name="Only errors").click()
    expect(page.locator("[data-log]")).to_have_count(1)


def test_a_server_that_does_not_answer_is_reported_and_what_is_shown_stays(explorer: Page, live_server: Any) -> None:
    page = explorer.context.new_page()  # not the fixture's, which lets no error stand on the console
    page.goto(f"{live_server.url}/logs")
    # One handler for all: a request could slip through while one takes the place of another.
    answers: list[Callable[[Route], None]] = [
        Route.abort, lambda route: route.fulfill(status=503, body="away"), Route.continue_
    ]  # fmt: skip

    def answer(route: Route) -> None:
        answers.pop(0)(route)

    page.route("**/logs?q=*", answer)
    search = page.get_by_role("searchbox", name="Search logs")
    search.fill("charge")
    search.press("Enter")
    expect(page.locator("[data-toast=error]")).to_contain_text(
        "The server does not answer. What is shown is as it was."
    )
    search.press("Enter")
    expect(page.locator("[data-toast=error]").last).to_contain_text("The server answered with an error (503).")
    expect(page.locator("[data-log]")).to_have_count(100)
    search.press("Enter")
    expect(page.locator("[data-log]")).to_have_count(2)
