"""What people come for, from beginning to end in a real browser: by mouse, by keyboard alone, and without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Org, Role, User
from alerts.models import AlertRule
from incidents.models import Incident
from services.models import Service
from tests.support import receivers, workers
from tests.support.alerting import make_incident, make_rule
from tests.support.factories import PASSWORD, make_key, make_member, make_org, make_service

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
SignIn = Callable[[User], None]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[receivers.Receiver]:
    """A place of our own that takes Slack's messages."""
    settings.OUTGOING_PRIVATE_HOSTS = ["127.0.0.1"]
    with receivers.receiver() as server:
        yield server


def send_error(key: str) -> None:
    body = {"logs": [{"level": "error", "message": "payment provider timeout"}]}
    answer = Client().post("/api/v1/logs/ingest", body, content_type="application/json", headers={"x-api-key": key})
    assert answer.status_code == 200


def test_a_new_channel_hears_a_test_and_then_an_incident_from_alert_to_resolve(
    page: Page, live_server: LiveServer, sign_in: SignIn, org: Org, admin: User, receiver: receivers.Receiver
) -> None:
    sign_in(admin)
    key = make_key(make_service(org, "checkout").environments.get(name="production"))
    make_rule(org, name="Payments time out", params={"threshold": 1})
    with workers.loop():
        page.goto(f"{live_server.url}/settings/notifications")
        page.get_by_role("link", name="Add the first channel").click()
        page.get_by_role("link", name="Slack").click()
        page.get_by_label("Name", exact=True).fill("#on-call")
        page.get_by_label("Webhook address", exact=True).fill(receiver.url)
        page.get_by_role("button", name="Add channel").click()
        page.get_by_role("button", name="Send a test").click()
        assert "Test message" in receiver.wait_for(1)[0].body.decode()
        expect(page.locator("#outbox").get_by_text("Sent", exact=True).first).to_be_visible()  # turns by itself

        send_error(key)
        assert "Payments time out" in receiver.wait_for(2)[1].body.decode()
    page.goto(f"{live_server.url}/dashboard")
    page.get_by_role("link", name="Payments time out: checkout / production", exact=True).click()
    evidence = page.get_by_role("region", name="Evidence")
    expect(evidence.get_by_text("payment provider timeout")).to_be_visible()  # the line, frozen
    expect(evidence.get_by_text("1 error log in 5 min (the threshold is 1).")).to_be_visible()
    expect(page.get_by_role("complementary", name="Facts").get_by_text("#on-call")).to_be_visible()
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_text("Acknowledged.").last).to_be_visible()
    page.get_by_label("Note", exact=True).fill("Rolled back.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("The note is in the timeline.")).to_be_visible()
    page.get_by_role("button", name="Resolve", exact=True).click()
    page.get_by_label("Cause").fill("The provider was down")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    incident = Incident.objects.get()
    assert (incident.status, incident.cause) == ("resolved", "The provider was down")


def go_by_tab(page: Page, target: Locator) -> None:
    """Press Tab until `target` has the focus, as someone without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def test_an_incident_is_worked_on_by_keyboard_alone(page: Page, live_server: LiveServer, org: Org) -> None:
    make_member(org, Role.DEVELOPER)
    dana = make_member(org, Role.DEVELOPER)
    incident = make_incident(org, "Checkout fails")
    page.goto(f"{live_server.url}/login")
    go_by_tab(page, page.get_by_label("E-mail", exact=True))
    page.keyboard.type(dana.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    go_by_tab(page, page.get_by_role("link", name="Checkout fails", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Checkout fails")).to_be_visible()
    go_by_tab(page, page.get_by_role("button", name="Acknowledge", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)
    go_by_tab(page, page.get_by_role("button", name="Resolve"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Cause")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    incident.refresh_from_db()
    assert (incident.status, incident.assignee) == ("resolved", dana)


def test_a_rule_is_made_by_keyboard_alone(
    page: Page, live_server: LiveServer, sign_in: SignIn, org: Org, admin: User
) -> None:
    make_service(org, "checkout")
    sign_in(admin)
    page.goto(f"{live_server.url}/dashboard")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    go_by_tab(page, page.get_by_role("link", name="New rule"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New rule")).to_be_visible()
    go_by_tab(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("Many errors")
    go_by_tab(page, page.get_by_label("At least"))
    page.keyboard.type("25")
    go_by_tab(page, page.get_by_role("button", name="Create rule"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Many errors")).to_be_visible()
    assert AlertRule.objects.get().params_json["threshold"] == 25


def test_a_page_acts_for_its_organisation_though_another_tab_has_switched(
    page: Page, live_server: LiveServer, sign_in: SignIn, org: Org, admin: User
) -> None:
    sign_in(admin)
    make_service(org, "checkout")
    make_member(second := make_org("Second"), Role.ADMIN, user=admin)
    page.goto(f"{live_server.url}/alerts/new?org={org.pk}")
    other = page.context.new_page()
    other.goto(f"{live_server.url}/dashboard?org={second.pk}")
    page.get_by_label("Name", exact=True).fill("Many errors")
    page.get_by_label("Service optional").select_option(label="checkout")  # htmx tries it on this organisation's logs
    expect(page.locator("#backtest")).to_contain_text("it would have fired 0 times")
    page.get_by_role("button", name="Create rule").click()
    expect(page.get_by_role("heading", name="Many errors")).to_be_visible()
    assert AlertRule.objects.get().org == org


def test_the_main_forms_work_without_a_script(browser: Browser, live_server: LiveServer, org: Org, admin: User) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url, viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/login?next=/services/new")
    page.get_by_label("E-mail", exact=True).fill(admin.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Name", exact=True).fill("checkout")
    page.get_by_label("Keep logs for").fill("9")
    page.get_by_role("button", name="Create service").click()
    expect(page.get_by_role("heading", name="Send logs to production")).to_be_visible()

    page.goto("/incidents/new")
    page.get_by_label("Title", exact=True).fill("Checkout fails")
    page.get_by_label("Where", exact=True).select_option(label="checkout / production")
    page.get_by_role("button", name="Open incident").click()
    page.get_by_label("Note", exact=True).fill("Seen by two customers")
    page.get_by_title("When it happened").click()
    page.get_by_label("Happened at").fill(f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("That is in the future.")).to_have_count(2)  # at the top and beside the field
    expect(page.get_by_label("Note", exact=True)).to_have_value("Seen by two customers")
    page.get_by_label("Happened at").fill("")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("The note is in the timeline.")).to_be_visible()

    page.goto("/incidents")
    page.get_by_text("Filters").click()
    page.get_by_label("Severity").select_option("high")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Clear filters").click()
    page.get_by_label("Choose Checkout fails").check()
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("Resolved: 1 incident.")).to_be_visible()

    page.goto("/alerts/new")
    page.get_by_label("Name", exact=True).fill("Many errors")
    page.get_by_role("button", name="Preview 7 days").click()
    expect(page.get_by_text("it would have fired")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Many errors")
    page.get_by_role("button", name="Create rule").click()
    page.get_by_role("button", name="Delete rule…").click()
    page.get_by_role("dialog", name="Delete “Many errors”?").get_by_role("button", name="Delete rule").click()
    expect(page.get_by_role("heading", name="No rule yet")).to_be_visible()
    context.close()
    assert (Service.objects.get().retention_days, Incident.objects.get().status) == (9, "resolved")


def test_several_incidents_at_once_and_the_moves_under_the_thumb(
    page: Page, live_server: LiveServer, sign_in: SignIn, org: Org, developer: User
) -> None:
    sign_in(developer)
    service = make_service(org, "api").environments.get(name="production")
    for number in range(12):
        make_incident(org, f"Trouble {number}", environment=service)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/incidents")
    resolve = page.get_by_role("button", name="Resolve")
    expect(resolve).to_be_hidden()
    page.get_by_label("Choose Trouble 11").check()
    expect(resolve).to_be_in_viewport()
    page.set_viewport_size({"width": 1280, "height": 800})
    everything = page.get_by_label("Choose all on this page")
    assert everything.evaluate("box => box.indeterminate")
    everything.check()
    expect(page.get_by_text("12 chosen:")).to_be_visible()
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.get_by_text("Acknowledged: 12 incidents.")).to_be_visible()

    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.get_by_role("link", name="Trouble 3").click()
    page.get_by_role("heading", name="Notifications").scroll_into_view_if_needed()
    expect(resolve).to_be_in_viewport(ratio=1)
