"""The explorer by the keyboard alone: every key that the overlay lists, none of them while someone types."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from services.models import Service
from tests.support.browser import assert_accessible
from tests.support.chromium import wait_until_settled
from tests.support.factories import make_log

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def rows(page: Page) -> Any:
    return page.locator("[data-log]")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def search(page: Page, query: str, *, found: int) -> None:
    """Search by the keyboard and leave the box."""
    press(page, "/")
    page.keyboard.type(query)
    press(page, "Enter")
    expect(rows(page)).to_have_count(found)
    press(page, "Escape")


def test_from_a_search_to_a_filter_without_a_mouse(explorer: Page, live_server: Any) -> None:
    page = explorer
    expect(page.locator("#facet-keys")).to_have_text("Fields")  # of all logs, counted after the page of some
    press(page, "/")
    page.keyboard.type("charge")
    press(page, "Enter")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#log-status")).to_have_text("2 logs, complete")
    press(page, "ArrowDown", "j", "Enter")  # from the box into the rows, to the second, open it
    expect(page.locator("#drawer")).to_be_focused()
    expect(page.locator("#drawer")).to_contain_text("at main.py:1")
    press(page, "x")
    expect(page).to_have_url(re.compile(r"/logs/\d+-\d+#around$"))
    expect(page.locator(".log.is-open")).to_contain_text("charge failed")
    page.go_back()
    expect(page.locator("#drawer")).to_contain_text("at main.py:1")
    page.locator("#drawer").focus()
    press(page, *["ArrowDown"] * 5)  # level, service, env, trace, user.id
    press(page, "f")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(f"{live_server.url}/logs?q=charge%20user.id:7")
    press(page, "j", "Enter")
    expect(page.locator("#drawer")).to_be_focused()
    press(page, "Escape")
    expect(page.locator(".drawer--open")).to_have_count(0)
    expect(rows(page).locator("a")).to_be_focused()


def test_a_list_obeys_as_soon_as_it_is_there(explorer: Page) -> None:
    """A link that htmx does not know yet would load the page anew, and the drawer would not get the focus."""
    page = explorer
    page.evaluate("""() => {
        window.wasLoaded = "once";
        const openFirst = () => document.querySelector("[data-logs] .log__link").click();
        document.addEventListener("htmx:afterSwap", (event) => {
            if (event.detail.target.id === "explorer") setTimeout(openFirst);
        });
    }""")
    press(page, "/")
    page.keyboard.type("charge")
    press(page, "Enter")
    expect(page.locator(".drawer--open")).to_have_count(1)
    assert page.evaluate("window.wasLoaded") == "once"


def test_f_takes_the_value_of_a_row_that_the_arrows_chose(explorer: Page, live_server: Any) -> None:
    page = explorer
    press(page, "j", "j", "f")  # the first value behind the level
    expect(page).to_have_url(f"{live_server.url}/logs?q=service:api")
    expect(page.locator(".pill")).to_have_count(1)
    press(page, "j", "j", "ArrowLeft", "Shift+F")
    expect(page).to_have_url(f"{live_server.url}/logs?q=service:api%20-level:error")
    expect(page.locator(".log.tone-error")).to_have_count(0)


def test_f_takes_what_the_pointer_is_over(explorer: Page, live_server: Any) -> None:
    page = explorer
    page.mouse.move(5, 5)
    press(page, "f")
    expect(page.get_by_role("status").filter(has_text="Point at a value")).to_be_visible()
    page.locator(".log.tone-error .log__level").hover()
    press(page, "f")
    expect(page).to_have_url(f"{live_server.url}/logs?q=level:error")
    rows(page).locator("a").click()
    page.locator(".log-fields tr", has_text="user.id").hover()
    press(page, "F")
    expect(page).to_have_url(f"{live_server.url}/logs?q=level:error%20-user.id:7")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_c_and_y_copy(explorer: Page, context: BrowserContext, live_server: Any) -> None:
    page = explorer
    context.grant_permissions(["clipboard-read", "clipboard-write"])

    def copied() -> str:
        expect(page.locator("[data-toast]").last).to_contain_text("Copied")
        text: str = page.evaluate("navigator.clipboard.readText()")
        page.locator("[data-toast]").evaluate_all("all => all.forEach(each => each.remove())")
        return text

    press(page, "j", "j", "c")
    assert copied() == "charge failed: timed out\n  at pay.py:7\n  at main.py:1"
    press(page, "y")
    assert re.search(r"/logs\?from=\d{4}-[^&]+Z&to=\d{4}-[^&]+Z&org=[0-9a-f-]{36}$", copied())
    press(page, "Enter")
    expect(page.locator("#drawer")).to_be_focused()
    press(page, "c")
    assert copied().startswith("charge failed")
    press(page, *["ArrowDown"] * 5, "c")
    assert copied() == "7"
    press(page, "y")
    assert re.search(r"&row=\d+-\d+$", copied())


def test_t_w_z_and_l(explorer: Page, live_server: Any) -> None:
    page = explorer
    press(page, "t")
    expect(page.get_by_role("link", name="Last hour")).to_be_focused()
    press(page, "ArrowUp", "Enter")
    expect(page).to_have_url(f"{live_server.url}/logs?from=-30m")
    press(page, "t", "Escape")
    expect(page.locator(".log-range > summary")).to_be_focused()
    press(page, "w")
    expect(page.locator(".logs--wrap")).to_have_count(1)
    press(page, "z")
    expect(page).to_have_url(re.compile(r"from=\d{4}-[^&]*&wrap=1$"))
    wait_until_settled(page)  # or the link that is followed is the one that is about to go
    press(page, "l")
    expect(page.get_by_role("link", name="Stop")).to_be_visible()


def test_question_mark_lists_the_pages_keys_and_those_of_every_page(explorer: Page, live_server: Any) -> None:
    page = explorer
    press(page, "?")
    overlay = page.get_by_role("dialog", name="Keys")
    expect(overlay.get_by_role("heading", name="Logs")).to_be_visible()
    expect(overlay.get_by_role("heading", name="Everywhere")).to_be_visible()
    expect(page.locator("dialog[open]")).to_have_count(1)
    press(page, "j", "w", "l")  # not while it is open
    expect(page).to_have_url(f"{live_server.url}/logs")
    press(page, "Escape", "g", "s")
    expect(page).to_have_url(f"{live_server.url}/services")


def test_no_key_while_typing(explorer: Page, live_server: Any) -> None:
    page = explorer
    press(page, "/")
    page.keyboard.type("jkfFcxytwlzu?g/")
    expect(page.locator("#log-q")).to_have_value("jkfFcxytwlzu?g/")
    expect(page).to_have_url(f"{live_server.url}/logs")
    press(page, "Escape")
    expect(page.locator("#log-q")).to_have_value("jkfFcxytwlzu?g/")  # what was typed is kept


@pytest.mark.browser_context_args(timezone_id="Asia/Kathmandu")
def test_the_switches_of_zone_and_theme_keep_the_search(
    explorer: Page, busy_service: Service, live_server: Any
) -> None:
    page = explorer
    make_log(busy_service, "charge at noon", ts=timezone.now() - timedelta(minutes=5))
    page.reload()  # the first page of all could not know the zone
    expect(page.locator(".log-head")).to_contain_text("+05:45")
    search(page, "charge", found=3)
    press(page, "u")
    expect(page.locator(".log-head")).to_contain_text("UTC")
    expect(page).to_have_url(f"{live_server.url}/logs?q=charge")
    press(page, "u")
    expect(page.locator(".log-head")).to_contain_text("+05:45")
    page.goto(f"{live_server.url}/logs?q=charge&tz=utc")
    expect(page.locator(".log-head")).to_contain_text("UTC")
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert_accessible(page)


def test_letters_typed_after_closing_a_log_are_never_lost(explorer: Page) -> None:
    """The answer that takes the log away comes after the letters; it must not take the focus from the search box."""
    page = explorer
    page.locator("[data-log] > .log__link").first.click()
    expect(page.locator("#drawer.drawer--open")).to_be_visible()
    page.route("**/logs*", lambda route: (time.sleep(0.3), route.continue_()))
    press(page, "Escape", "/")
    page.keyboard.type("level:error", delay=60)
    expect(page.locator("#drawer.drawer--open")).to_have_count(0)
    expect(page.locator("#log-q")).to_have_value("level:error")
    expect(page.locator("#log-q")).to_be_focused()
    assert "live=" not in page.url


def test_a_long_stack_fits_the_drawer_and_is_copied_whole(explorer: Page, busy_service: Service) -> None:
    page = explorer
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frames = "".join(f"\tat com.shop.Charge.step{n}(Charge.java:{n})\n" for n in range(396))
    stack = f"java.lang.IllegalStateException: charge\n{frames}Caused by: java.io.IOException: gone\n\t... 9 more"
    make_log(busy_service, stack, level="error", ts=timezone.now())
    page.reload()
    page.locator("[data-log] > .log__link").first.click()
    drawer = page.locator("#drawer")
    expect(drawer.locator(".stack__cause")).to_have_count(2)
    expect(drawer.locator(".stack__cause").last).to_be_in_viewport()
    boxes = [page.locator(name).bounding_box() for name in ("#drawer", ".log-query", ".explorer__main")]
    assert all(boxes)
    over, bar, rows_ = (box for box in boxes if box)
    assert over["y"] >= bar["y"] + bar["height"] - 2  # the bar's border, and a part of a pixel
    assert over["x"] >= rows_["x"] + rows_["width"] - 1
    grip = drawer.get_by_role("separator", name="Width of the log")
    width = over["width"]
    grip.focus()
    press(page, "ArrowLeft", "ArrowLeft")
    assert drawer.evaluate("each => each.offsetWidth") > width + 20
    page.reload()
    assert drawer.evaluate("each => each.offsetWidth") > width + 20
    page.mouse.move(grip.bounding_box()["x"] + 4, 500)  # type: ignore[index]
    page.mouse.down()
    page.mouse.move(900, 500)
    page.mouse.up()
    assert abs(drawer.evaluate("each => each.offsetWidth") - (page.viewport_size or {})["width"] + 900) < 6
    drawer.get_by_role("button", name="Copy the message").click()
    assert page.evaluate("navigator.clipboard.readText()") == stack


def test_what_a_bar_says_is_shown_at_once(explorer: Page) -> None:
    page = explorer
    chart = page.locator("[data-chart]").first
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 60)
    expect(page.locator(".chart-card")).to_contain_text("UTC")
    page.keyboard.press("Escape")
    expect(page.locator(".chart-card")).to_have_count(0)
    chart.locator("a[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".chart-card")).to_contain_text("UTC")
    assert_accessible(page)


def test_the_last_choice_stays(explorer: Page, live_server: Any) -> None:
    page = explorer
    with page.expect_response("**/logs/preferences"):
        press(page, "w")
    expect(page.locator(".logs--wrap")).to_be_visible()
    page.goto(f"{live_server.url}/logs")
    expect(page.locator(".logs--wrap")).to_be_visible()
    with page.expect_response("**/logs/preferences"):
        press(page, "w")
    expect(page.locator(".logs--wrap")).to_have_count(0)
    page.goto(f"{live_server.url}/logs")
    expect(page.locator("[data-log]").first).to_be_visible()
    expect(page.locator(".logs--wrap")).to_have_count(0)
