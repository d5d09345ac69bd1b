"""The pages of alerts, incidents and notifications in a real browser: nothing for axe to find, nothing too wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Org, User
from alerts.evaluate import evaluate
from incidents.models import Incident
from tests.support.alerting import make_channel, make_incident, make_rule, receive, tell
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import make_service

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_are_accessible_and_fit(
    page: Page, live_server: Any, sign_in: Callable[[User], None], org: Org, admin: User
) -> None:
    sign_in(admin)
    production = make_service(org, "api").environments.get(name="production")
    make_channel(org, "https://hooks.slack.com/services/x", name="#on-call")
    rule = make_rule(org)
    receive(production, 5, timezone.now(), message="a_very_long_word" * 40)
    evaluate()
    make_incident(org, "Word" * 60, environment=production)
    incident = Incident.objects.order_by("pk")[0]
    tell(org)
    addresses = [
        "/settings/notifications", "/settings/notifications/new", "/incidents", f"/incidents/{incident.pk}",
        "/incidents/new", "/alerts", f"/alerts/{rule.pk}", f"/alerts/{rule.pk}/edit",
    ]  # fmt: skip
    for number, address in enumerate(addresses):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="dark" if number % 2 else "light")
        page.goto(live_server.url + address)
        assert_accessible(page)
        page.set_viewport_size({"width": 390, "height": 800})
        assert_fits(page)


def test_the_editor_tries_the_rule_as_it_is_typed(
    page: Page, live_server: Any, sign_in: Callable[[User], None], org: Org, admin: User
) -> None:
    sign_in(admin)
    receive(make_service(org, "api").environments.get(name="production"), 5, timezone.now())
    page.goto(f"{live_server.url}/alerts/new")
    page.get_by_label("Name").fill("Many errors")
    page.get_by_label("At least").fill("5")
    page.get_by_label("At least").press("Tab")
    expect(page.locator("#backtest")).to_contain_text("fired 1 time")
    page.get_by_label("At least").fill("6")
    page.get_by_label("At least").press("Tab")
    expect(page.locator("#backtest")).to_contain_text("fired 0 times")
    page.get_by_label("Watch").select_option("deployment_failure")
    expect(page.get_by_label("At least")).to_be_hidden()
    page.get_by_role("button", name="Create rule").click()
    expect(page.locator("h1")).to_have_text("Many errors")
