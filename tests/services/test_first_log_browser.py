"""From a new service to its first log, in a real browser; and axe on every page of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Role, User
from services import actions, key_actions
from services.models import ApiKey, Service
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import make_member, make_org

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def developer(page: Page, live_server: LiveServer, settings: Settings, sign_in: Callable[[User], None]) -> User:
    """Someone who may change services, signed in."""
    settings.PUBLIC_URL = live_server.url
    user = make_member(make_org("Acme"), Role.DEVELOPER)
    sign_in(user)
    return user


def make_key(page: Page, url: str) -> str:
    """Create a service and a key of it, as somebody new does; returns the key."""
    page.goto(f"{url}/services")
    page.get_by_role("link", name="Create the first service").click()
    page.get_by_label("Name").fill("checkout-api")
    page.get_by_role("button", name="Create service").click()
    return page.locator("#key").inner_text()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")
def test_a_new_service_is_heard(page: Page, live_server: LiveServer, developer: User) -> None:
    key = make_key(page, live_server.url)
    assert re.fullmatch("pol_[0-9a-f]{64}", key)
    assert key not in page.url
    expect(page.get_by_text("Waiting for the first log…")).to_be_visible()
    assert_accessible(page)

    snippet = page.locator("pre[aria-label=curl]").inner_text()
    subprocess.run(["sh", "-c", snippet], check=True, capture_output=True, timeout=30)
    expect(page.get_by_text("First log received")).to_be_visible()
    expect(page.locator("#key")).to_have_text(key)  # the page turned without being loaded again

    page.reload()
    expect(page.locator("#key")).to_have_count(0)
    assert key not in page.content()


# A program of the user's: what it logs, and the SDK as its documentation has it; nothing in it says where to.
PROGRAM = """
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry._logs import LogRecord, SeverityNumber

provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
provider.get_logger("shop").emit(LogRecord(body="hello", severity_number=SeverityNumber.INFO))
provider.shutdown()
"""


def test_the_page_turns_by_the_variables_of_opentelemetry_alone(
    page: Page, live_server: LiveServer, developer: User
) -> None:
    make_key(page, live_server.url)
    page.get_by_label("Filter clients").fill("otel python")
    page.keyboard.press("Enter")
    text = page.locator("pre[aria-label='OpenTelemetry · Python']")
    expect(text).to_be_visible()
    expect(page.locator("pre[aria-label=curl]")).to_be_hidden()
    variables = dict(re.findall(r"(OTEL_[A-Z_]+)=(\S+)", text.inner_text()))
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == live_server.url
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], env=variables, check=True, capture_output=True, timeout=60
    )
    expect(page.get_by_text("First log received")).to_be_visible()
    expect(page.locator("#arrival")).to_contain_text("by OpenTelemetry SDK for Python")
    page.get_by_label("Filter clients").fill("nothing like it")
    expect(page.get_by_text("None by that name.")).to_be_visible()


def test_a_client_is_chosen_by_keyboard_and_without_a_script(
    browser: Browser, live_server: LiveServer, developer: User, context: BrowserContext
) -> None:
    service = actions.create_service(actor=developer, org=developer.memberships.get().org, name="api")
    key = key_actions.create_key(actor=developer, environment=service.environments.get(name="production")).key
    plain = browser.new_context(java_script_enabled=False, viewport=PHONE)
    plain.add_cookies(context.cookies())  # type: ignore[arg-type]
    page = plain.new_page()
    page.goto(f"{live_server.url}/services/{service.pk}/keys/{key.pk}/setup")
    expect(page.get_by_label("Filter clients")).to_be_hidden()
    page.get_by_role("radio", name="curl").focus()
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    expect(page.locator("pre[aria-label='OpenTelemetry · Python']")).to_be_visible()
    expect(page.locator("pre:visible")).to_have_count(2)  # how to install it, and the text
    plain.close()


def test_deleting_asks_for_the_name(page: Page, live_server: LiveServer, developer: User) -> None:
    service = actions.create_service(actor=developer, org=developer.memberships.get().org, name="api (v2.0)")
    page.goto(f"{live_server.url}/services/{service.pk}")
    page.get_by_role("button", name="Delete service…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type “api (v2.0)” to confirm").fill("api")
    dialog.get_by_role("button", name="Delete forever").click()
    expect(dialog).to_be_visible()  # the browser holds back what the server would refuse
    dialog.get_by_label("Type “api (v2.0)” to confirm").fill("api (v2.0)")
    dialog.get_by_role("button", name="Delete forever").click()
    expect(page).to_have_url(f"{live_server.url}/services")
    assert not Service.objects.exists()


def test_every_page_is_accessible_and_fits_a_phone(page: Page, live_server: LiveServer, developer: User) -> None:
    service = actions.create_service(actor=developer, org=developer.memberships.get().org, name="api")
    environment = service.environments.get(name="production")
    key: ApiKey = key_actions.create_key(actor=developer, environment=environment, label="web servers in Frankfurt").key
    of_service = f"/services/{service.pk}"
    for path in (
        "/services",
        "/services/new",
        of_service,
        f"{of_service}/edit",
        f"{of_service}/delete",
        f"{of_service}/environments/{environment.pk}/rename",
        f"{of_service}/keys/new",
        f"{of_service}/keys/{key.pk}/rotate",
        f"{of_service}/keys/{key.pk}/setup",
    ):
        page.goto(live_server.url + path)
        assert_accessible(page)
        page.set_viewport_size(PHONE)
        assert_fits(page)
        page.set_viewport_size({"width": 1280, "height": 800})
