"""The dashboard in a real browser: axe, the phone, and that it keeps itself fresh but out of the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Org, User
from incidents.models import Incident
from notifications.models import Channel
from tests.pulseops.test_dashboard import fill
from tests.support.browser import assert_accessible, assert_fits

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_for_axe_and_nothing_too_wide(
    page: Page, live_server: Any, org: Org, admin: User, sign_in: Callable[[User], None], theme: str
) -> None:
    sign_in(admin)
    page.context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
    for has_data in (False, True):
        if has_data:
            fill(org, "a-service-with-a-name-that-is-far-too-long-for-the-card-it-stands-in")
            Channel.objects.update(failures=5)
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        page.goto(f"{live_server.url}/dashboard")
        assert_accessible(page)
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert_fits(page)


def test_it_shows_what_happened_meanwhile_unless_it_is_in_use(
    page: Page, live_server: Any, org: Org, admin: User, sign_in: Callable[[User], None]
) -> None:
    fill(org, "checkout")
    sign_in(admin)
    page.clock.install()
    page.goto(f"{live_server.url}/dashboard")
    Incident.objects.update(title="Mended name")
    page.get_by_role("link", name="All services").focus()
    page.clock.run_for(65_000)
    expect(page.get_by_role("link", name="checkout burns", exact=True)).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(2_000)
    expect(page.get_by_role("link", name="Mended name", exact=True)).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: "/live/" in request.url or asked.append(request.url))
    page.clock.run_for(20_000)
    page.evaluate("1")  # what was asked has been heard of by now
    assert asked == []
