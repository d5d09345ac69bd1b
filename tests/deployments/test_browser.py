"""In a browser: connect a repository and see its first deployment; every page is usable by everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Org, Role, User
from deployments.models import Deployment, GitHubIntegration
from pulseops.demo import deployments as demo
from tests.deployments.github import deliver, encode, headers, make_integration, payload, sign
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import make_member, make_org, make_service

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin(sign_in: Callable[[User], None], live_server: LiveServer, settings: Any) -> User:
    settings.PUBLIC_URL = live_server.url
    user = make_member(make_org("Acme"), Role.ADMIN)
    sign_in(user)
    return user


def test_from_connecting_to_the_first_deployment(page: Page, live_server: LiveServer, admin: User) -> None:
    service = make_service(admin.memberships.get().org, "checkout")
    page.goto(f"{live_server.url}/services/{service.pk}")
    page.get_by_role("link", name="Connect a repository").click()
    page.get_by_label("Repository").fill("Northwind-Labs/Checkout")
    expect(page.get_by_label("Branches that go to production")).to_have_value("main")
    page.get_by_role("button", name="Connect").click()
    address = page.locator("#fresh-url").inner_text()
    secret = page.locator("#fresh-secret").inner_text()
    page.reload()
    expect(page.locator("#fresh-secret")).to_have_count(0)

    for event in ("ping", "push", "workflow_run"):
        body = encode(payload(event))
        sent = {**headers(event, sign(body, secret)), "Content-Type": "application/json"}
        assert requests.post(address, data=body, headers=sent, timeout=60).json() == {"data": {"ok": True}}
    page.reload()
    expect(page.locator("#deliveries").get_by_text("Applied")).to_have_count(2)
    page.locator("#deliveries").get_by_role("button", name=re.compile("Replay workflow_run")).click()
    expect(page.locator(".toast")).to_contain_text("Replayed. production: success")

    page.get_by_role("link", name="Deployments", exact=True).click()
    page.get_by_role("link", name="Retry a payment once when the provider times out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry a payment once when the provider times out")
    assert Deployment.objects.count() == 1


def fill(org: Org) -> list[str]:
    """Make one of everything and return the addresses of all pages."""
    integration: GitHubIntegration = make_integration(org)
    services = [integration.service, *(make_service(org, name) for name in ("api", "web"))]
    demo.fill(org, services, timezone.now())
    for event in ("ping", "push", "deployment_status"):
        deliver(integration, event, payload(event))
    bad = Deployment.objects.get(commit_message__startswith="Call the payment")
    return [
        "/deployments",
        "/deployments?environment=production",
        f"/deployments/{bad.pk}",
        "/deployments/connect",
        f"/services/{services[0].pk}/github",
        f"/services/{services[1].pk}/github",
    ]


def test_every_page_is_accessible_and_fits_a_phone(page: Page, live_server: LiveServer, admin: User) -> None:
    for address in fill(admin.memberships.get().org):
        page.goto(live_server.url + address)
        assert_accessible(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert_fits(page)
        page.set_viewport_size({"width": 1280, "height": 800})
