"""A real Chromium for tests marked `browser`: the machine's own, signed in as anyone, and axe.

@pytest.mark.browser
def test_it(page, live_server, signed_in_page, admin): …
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.support.chromium import CHROMIUM_FLAGS, errors_on_console, found_chromium, pixels_too_wide, serious_findings
from tests.support.sign_in import signed_in
from tests.support.static import BUNDLING, collected

expect.set_options(timeout=20_000)  # what is expected comes at once, but not on a machine that is busy with others


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the Chromium of the machine; without one, the one that Playwright downloads."""
    found = found_chromium()
    return {
        **browser_type_launch_args,
        **({"executable_path": found} if found else {}),
        "args": CHROMIUM_FLAGS,
    }


@pytest.fixture(scope="session")
def live_server(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """Serve the product in this process, its static files by WhiteNoise as it does itself, not by Django."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.contrib.staticfiles.handlers.StaticFilesHandler", lambda application: application)
        server = LiveServer(request.config.getvalue("liveserver") or "localhost")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _bundled(request: pytest.FixtureRequest, settings: Any) -> None:
    """Let a browser have one stylesheet and one script, as in production: the sources are some eighty files."""
    if "live_server" in request.fixturenames:
        collected()
        settings.STORAGES = {**settings.STORAGES, "staticfiles": BUNDLING}


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
    """A page whose script errors, refusals by the CSP and other errors on the console fail the test."""
    page = context.new_page()
    console = errors_on_console(page)
    yield page
    assert not console, console


@pytest.fixture
def sign_in(context: BrowserContext, live_server: Any) -> Callable[[User], None]:
    """Put a session of the user into the browser."""

    def put(user: User) -> None:
        value = signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])

    return put


def assert_accessible(page: Page) -> None:
    """Nothing serious may be found by axe."""
    assert not (told := serious_findings(page)), "\n".join(told)


def assert_fits(page: Page) -> None:
    """Nothing may make the page scroll sideways."""
    wide = pixels_too_wide(page)
    assert wide <= 0, f"{page.url} is {wide} px too wide"
