"""GET /search, the palette that shows it, and the keys that work everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Org, User
from deployments.models import Deployment
from tests.support.browser import assert_accessible, assert_fits
from tests.support.factories import make_log, make_org, make_service

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def found(client: Client, query: str) -> str:
    response = client.get("/search", {"q": query}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert "<html" not in response.text
    return str(response.text)


def test_only_get(viewer: User, client_for: SignIn) -> None:
    assert client_for(viewer).post("/search").status_code == 405


def test_it_is_a_page_without_a_script(org: Org, viewer: User, client_for: SignIn) -> None:
    service = make_service(org, "checkout")
    response = client_for(viewer).get("/search", {"q": "check"})
    assert "<html" in response.text
    assert f'href="/services/{service.pk}"' in response.text


def test_without_letters_it_lists_the_pages_that_the_role_may_open(
    viewer: User, admin: User, client_for: SignIn
) -> None:
    assert "Dashboard" in found(client_for(viewer), "")
    assert "Diagnostics" not in found(client_for(viewer), "")
    assert "Diagnostics" in found(client_for(admin), "")


def test_every_word_has_to_be_in_the_name_in_any_case(org: Org, viewer: User, client_for: SignIn) -> None:
    make_service(org, "Payment Gateway")
    client = client_for(viewer)
    assert "Payment Gateway" in found(client, "gate PAY")
    assert "Payment Gateway" not in found(client, "gate refund")


def test_nothing_of_another_organisation_is_found(viewer: User, client_for: SignIn) -> None:
    make_service(make_org("Strangers"), "theirs")
    assert "theirs</span>" not in found(client_for(viewer), "theirs").replace("the logs for theirs</span>", "")


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_pasted_id_finds_its_logs(org: Org, viewer: User, client_for: SignIn) -> None:
    make_log(make_service(org), "charge failed", trace_id=TRACE, request_id="req-81342")
    make_log(make_service(make_org("Strangers")), trace_id="5" * 32)
    client = client_for(viewer)
    for pasted in (TRACE, TRACE.upper(), f"00-{TRACE}-00f067aa0ba902b7-01"):
        shown = found(client, pasted)
        assert "Traces and requests" in shown
        assert f"/logs?q={pasted}" in shown  # by the bare id, which is looked for in every field
    assert "/logs?q=req-81342" in found(client, "req-81342")
    for other in ("5" * 32, "6" * 32, "req-8134"):
        assert "Traces and requests" not in found(client, other)


def test_a_pasted_commit_finds_its_deployments(org: Org, viewer: User, client_for: SignIn) -> None:
    ours, theirs = [
        Deployment.objects.create(
            org=service.org, service=service, environment=service.environments.get(name="production"),
            commit_sha="490b753" + "a" * 33, status="success",
        )
        for service in (make_service(org), make_service(make_org("Strangers")))
    ]  # fmt: skip
    client = client_for(viewer)
    for pasted in ("490b753", "490B753", "490b753" + "a" * 33):
        assert f'href="/deployments/{ours.pk}"' in found(client, pasted)
        assert f'href="/deployments/{theirs.pk}"' not in found(client, pasted)
    assert 'href="/deployments/' not in found(client, "490b754")


def test_what_is_searched_for_can_be_searched_in_the_logs(viewer: User, client_for: SignIn) -> None:
    assert 'href="/logs?q=timed+out%26"' in found(client_for(viewer), "timed out&")


def test_it_says_when_nothing_has_the_name(org: Org, viewer: User, client_for: SignIn) -> None:
    make_service(org, "checkout")
    assert "in its name" in found(client_for(viewer), "zebra")
    for query in ("", "checkout"):
        assert "in its name" not in found(client_for(viewer), query)


def test_odd_letters_do_no_harm(viewer: User, client_for: SignIn) -> None:
    for query in ("<b>%_\\", "\0", "9" * 50, "x" * 5000):
        found(client_for(viewer), query)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
class TestInABrowser:
    @pytest.fixture
    def desk(self, page: Page, live_server: Any, admin: User, org: Org, sign_in: Callable[[User], None]) -> Page:
        make_service(org, "checkout")
        sign_in(admin)
        page.goto(f"{live_server.url}/services")
        return page

    def test_by_keyboard_alone_to_a_service(self, desk: Page) -> None:
        desk.keyboard.press("Control+k")
        box = desk.get_by_role("searchbox", name="Go to")
        expect(box).to_be_focused()
        expect(desk.get_by_role("link", name="Diagnostics").first).to_be_visible()
        assert_accessible(desk)
        desk.keyboard.type("checko")
        expect(desk.locator("#palette-list [data-hit]").first).to_have_text("checkout")
        desk.keyboard.press("ArrowDown")
        expect(desk.locator("#palette-list [data-hit]").first).to_be_focused()
        desk.keyboard.press("Enter")
        expect(desk.get_by_role("heading", name="checkout", level=1)).to_be_visible()

    def test_enter_goes_to_the_first_and_escape_leaves(self, desk: Page, live_server: Any) -> None:
        desk.get_by_role("link", name="Search").click()
        expect(desk.locator("#palette")).to_be_visible()
        desk.keyboard.type("x")
        desk.keyboard.press("Escape")
        expect(desk.locator("#palette")).to_be_hidden()
        desk.keyboard.press("/")
        desk.keyboard.type("dash")
        expect(desk.locator("#palette-list [data-hit]").first).to_contain_text("Dashboard")
        expect(desk.locator("#palette-list [data-hit]")).to_have_count(2)
        desk.keyboard.press("Enter")
        expect(desk).to_have_url(f"{live_server.url}/dashboard")

    def test_g_and_a_letter_go_but_not_while_typing(self, desk: Page, live_server: Any) -> None:
        desk.goto(f"{live_server.url}/logs")
        desk.locator("#log-q").focus()
        desk.keyboard.type("gd")
        expect(desk.locator("#log-q")).to_have_value("gd")
        desk.keyboard.press("Escape")
        desk.keyboard.press("g")
        desk.keyboard.press("s")
        expect(desk).to_have_url(f"{live_server.url}/services")
        desk.keyboard.press("Control+g")
        desk.keyboard.press("d")
        expect(desk).to_have_url(f"{live_server.url}/services")

    def test_question_mark_lists_the_keys(self, desk: Page) -> None:
        desk.keyboard.press("?")
        expect(desk.get_by_role("dialog", name="Keys")).to_be_visible()
        assert_accessible(desk)
        desk.keyboard.press("Escape")
        expect(desk.get_by_role("dialog", name="Keys")).to_be_hidden()

    def test_it_fits_a_phone(self, desk: Page, live_server: Any) -> None:
        desk.set_viewport_size({"width": 390, "height": 844})
        desk.goto(f"{live_server.url}/search?q={'x' * 150}")
        assert_fits(desk)
        desk.get_by_role("link", name="Search", exact=True).first.click()
        expect(desk.locator("#palette")).to_be_visible()
        assert_fits(desk)
        assert_accessible(desk)
