"""Following the logs in a browser, whose clock the tests turn on: no one waits for seconds to pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, Route, expect

from accounts.models import User
from services.models import Service
from tests.support.browser import assert_accessible
from tests.support.factories import make_log

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def live(page: Page, live_server: Any, sign_in: Callable[[User], None], developer: User, busy_service: Service) -> Page:
    """The explorer following what comes in; it asks when the test runs the clock."""
    sign_in(developer)
    page.clock.install()
    page.goto(f"{live_server.url}/logs?live=1")
    expect(page.get_by_role("status").filter(has_text="Following")).to_be_visible()
    return page


def poll(page: Page, milliseconds: int = 2_000) -> None:
    """Let the page ask, and wait until it has taken the answer in and knows when to ask again."""
    with page.expect_response("**/logs/live**"):
        page.clock.run_for(milliseconds)
    answered(page)


def answered(page: Page) -> None:
    expect(page.locator("[data-live]:not([data-live-asking])")).to_have_count(1)


def first(page: Page) -> Any:
    return page.locator("[data-log]").first


def test_new_rows_come_on_top_tinted_in_their_place(live: Page, busy_service: Service) -> None:
    page = live
    make_log(busy_service, "fresh from the oven")
    make_log(busy_service, "late by a while", ts=timezone.now() - timedelta(seconds=5))
    poll(page)
    expect(first(page)).to_contain_text("fresh from the oven")
    expect(page.locator("[data-log]").nth(1)).to_contain_text("late by a while")
    expect(page.locator(".log.is-new")).to_have_count(2)
    assert first(page).locator("a").evaluate("each => getComputedStyle(each).animationName") == "log-new"


def test_they_wait_while_someone_reads(live: Page, busy_service: Service) -> None:
    page = live
    button = page.locator("[data-live-show]")

    def holds(message: str, said: str) -> None:
        make_log(busy_service, message)
        poll(page)
        expect(button).to_have_text(said)
        expect(page.locator("[data-logs]")).not_to_contain_text(message)

    page.locator("[data-logs] .log__link").nth(1).click()
    expect(page.locator(".drawer--open")).to_have_count(1)
    holds("with a log open", "1 new")
    expect(page.get_by_role("status").filter(has_text="Waiting while you read.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".drawer--open")).to_have_count(0)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.log__message'))")
    holds("with text selected", "2 new")
    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate("scrollTo(0, 600)")
    holds("scrolled down", "3 new")
    assert_accessible(page)
    button.click()
    expect(first(page)).to_contain_text("scrolled down")
    expect(page.locator("[data-log]").nth(2)).to_contain_text("with a log open")
    expect(button).to_be_hidden()
    expect(page.get_by_role("status").filter(has_text="Following")).to_be_visible()
    assert page.evaluate("scrollY") == 0


def test_where_there_is_nothing_yet_it_says_so(live: Page, busy_service: Service) -> None:
    page = live
    page.goto(f"{page.url}&q=pancakes")
    nothing = page.get_by_text("No logs yet. New logs that match appear here.")
    expect(nothing).to_be_visible()
    make_log(busy_service, "pancakes are ready")
    poll(page)
    expect(first(page)).to_contain_text("pancakes are ready")
    expect(nothing).to_have_count(0)


def test_there_are_a_thousand_rows_at_most(live: Page, busy_service: Service) -> None:
    page = live
    page.evaluate(
        """() => {
            const list = document.querySelector("[data-logs]");
            const last = list.lastElementChild;
            for (let n = list.children.length; n < 1000; n++) {
                const row = last.cloneNode(true);
                row.dataset.log = `${n}-${n}`;
                list.append(row);
            }
        }"""
    )
    make_log(busy_service, "one too many")
    poll(page)
    expect(first(page)).to_contain_text("one too many")
    expect(page.locator("[data-log]")).to_have_count(1000)


def test_a_hidden_tab_asks_less_often_and_at_once_when_it_is_back(live: Page, busy_service: Service) -> None:
    page = live
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/logs/live" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })")
    poll(page)  # the one that was due; the next sees that no one looks
    asked.clear()
    page.clock.run_for(29_000)
    assert not asked
    poll(page, 1_500)
    make_log(busy_service, "meanwhile")
    page.evaluate("Object.defineProperty(document, 'hidden', { configurable: true, get: () => false })")
    with page.expect_response("**/logs/live**"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(first(page)).to_contain_text("meanwhile")


def test_a_server_that_fails_is_reported_and_asked_less_often(live: Page, busy_service: Service) -> None:
    page = live
    page.route("**/logs/live**", lambda route: route.fulfill(status=503, body="down"))
    poll(page)
    expect(page.get_by_role("status").filter(has_text="trying again in 4 s")).to_be_visible()
    poll(page, 4_000)
    expect(page.get_by_role("status").filter(has_text="trying again in 8 s")).to_be_visible()
    page.unroute("**/logs/live**")
    make_log(busy_service, "after all")
    poll(page, 8_000)
    expect(first(page)).to_contain_text("after all")


def test_a_server_that_hangs_is_given_up(live: Page) -> None:
    page = live
    held: list[Route] = []

    def hang(route: Route) -> None:
        held.append(route)

    page.route("**/logs/live**", hang)
    page.evaluate(
        """() => {
            const later = new AbortController();
            AbortSignal.timeout = (milliseconds) => { later.milliseconds = milliseconds; return later.signal; };
            globalThis.timeIsOver = () => later.abort();
        }"""
    )
    with page.expect_request("**/logs/live**"):
        page.clock.run_for(2_000)
    expect(page.locator("[data-live][data-live-asking]")).to_have_count(1)
    page.evaluate("timeIsOver()")
    held.pop().abort()
    expect(page.get_by_role("status").filter(has_text="trying again in 4 s")).to_be_visible()


def test_the_histogram_keeps_up_and_stop_stops(live: Page, busy_service: Service, live_server: Any) -> None:
    page = live
    expect(page.locator(".log-chart__line strong")).to_have_text("123 logs")
    make_log(busy_service, "one more")
    page.clock.run_for(17_000)
    expect(page.locator(".log-chart__line strong")).to_have_text("124 logs")
    expect(page.locator("#log-facets").get_by_title("Only api")).to_contain_text("124")
    expect(page).to_have_url(f"{live_server.url}/logs?live=1")
    page.keyboard.press("l")
    expect(page).to_have_url(f"{live_server.url}/logs")
    expect(page.locator("[data-live]")).to_have_count(0)
    page.go_back()
    expect(page.locator("[data-live]")).to_have_count(1)
    make_log(busy_service, "again")
    poll(page)
    expect(first(page)).to_contain_text("again")
