"""A real Chromium for tests marked `browser`: the machine's own, signed in as anybody, and axe.

@pytest.mark.browser
def test_it(page, live_server, signed_in_page, admin): …
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from accounts.models import User

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the Chromium of the machine; without one, the one that Playwright downloads."""
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    return {
        **browser_type_launch_args,
        **({"executable_path": found} if found else {}),
        "args": CHROMIUM_FLAGS,
    }


@pytest.fixture(scope="session", autouse=True)
def _queries_beside_playwright() -> Iterator[None]:
    """Playwright's loop runs in the test's thread, where Django would then refuse every query."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose script errors and refusals by the CSP fail the test."""
    troubles: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    assert not troubles, troubles


@pytest.fixture
def sign_in(context: BrowserContext, live_server: Any) -> Callable[[User], None]:
    """Put a session of the user into the browser."""

    def put(user: User) -> None:
        client = Client()
        client.force_login(user)
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])

    return put


# Nothing on its way: no answer awaited, nothing fading. What turns for ever (a busy sign) is not waited for.
SETTLED = """
    () => !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling") &&
          document.getAnimations().every((animation) =>
            animation.playState !== "running" || animation.effect.getComputedTiming().endTime === Infinity)
"""


def wait_until_settled(page: Page) -> None:
    """Wait until the page shows what it means to show: half faded in, every text has too little contrast."""
    deadline = time.monotonic() + 10
    while not page.evaluate(SETTLED):
        assert time.monotonic() < deadline, f"{page.url} does not come to rest"
        page.wait_for_timeout(20)


def assert_accessible(page: Page) -> None:
    """Let axe look at the page once it is at rest: nothing serious may be found."""
    wait_until_settled(page)
    # Its preload would put copies of our stylesheets into the page, which the CSP refuses.
    found = Axe().run(page, options={"preload": False}).response["violations"]
    told = [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"][:3]
    ]
    assert not told, "\n".join(told)


def assert_fits(page: Page) -> None:
    """Nothing may make the page scroll sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"
