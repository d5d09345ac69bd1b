"""The frame of every page: navigation by role, headers, nothing inline."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Org, Role, User
from pulseops import urls
from tests.support.factories import make_member, make_user

pytestmark = pytest.mark.urls("tests.core.frame_urls")
PLACES = ["Dashboard", "Logs", "Incidents", "Deployments", "Alerts", "Services"]
SETTINGS = ["Members", "Notifications", "Audit log", "Diagnostics"]
ClientFor = Callable[[User], Client]


def bar_links(html: str) -> list[str]:
    return re.findall(r'<a class="bar__link"[^>]*>([^<]+)</a>', html)


@pytest.mark.parametrize(("role", "sees_settings"), [(Role.VIEWER, False), (Role.DEVELOPER, False), (Role.ADMIN, True)])
def test_the_bar_shows_what_the_role_may_open(org: Org, client_for: ClientFor, role: Role, sees_settings: bool) -> None:
    html = client_for(make_member(org, role)).get("/dashboard").text
    assert bar_links(html) == PLACES
    assert all((f"{name}</a>" in html) == sees_settings for name in SETTINGS)


def test_the_bar_marks_where_the_reader_is(admin: User, client_for: ClientFor) -> None:
    html = client_for(admin).get("/incidents").text
    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == ["/incidents"]


@pytest.mark.urls("tests.core.bare_urls")
def test_the_bar_leaves_out_what_is_not_installed(admin: User, client_for: ClientFor) -> None:
    html = client_for(admin).get("/services").text
    assert bar_links(html) == ["Services"]
    assert "Settings" not in html


def test_someone_without_an_organisation_has_no_places(db: None, client_for: ClientFor) -> None:
    html = client_for(make_user()).get("/dashboard").text
    assert bar_links(html) == []


def test_the_switcher_names_all_organisations_of_the_reader(admin: User, client_for: ClientFor) -> None:
    other = Org.objects.create(name="Second & Co")
    make_member(other, Role.VIEWER, user=admin)
    html = client_for(admin).get("/dashboard").text
    assert html.count('name="org"') == 2
    assert "Second &amp; Co" in html


def test_signed_in_people_go_from_the_landing_page_to_their_work(admin: User, client_for: ClientFor) -> None:
    response = client_for(admin).get("/")
    assert (response.status_code, response["Location"]) == (302, "/dashboard")


@pytest.mark.parametrize("path", ["/", "/styleguide", "/fail/404", "/fail/500", "/nowhere"])
def test_every_page_has_its_security_headers(client: Client, path: str) -> None:
    client.raise_request_exception = False
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/styleguide?toast=1", "/fail/500", "/nowhere"])
def test_nothing_is_inline(client: Client, path: str) -> None:
    client.raise_request_exception = False
    html = client.get(path).text
    assert "<style" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", html)


def test_pages_have_landmarks_and_a_way_past_the_bar(admin: User, client_for: ClientFor) -> None:
    html = client_for(admin).get("/dashboard").text
    assert '<a class="skip" href="#content">' in html
    assert re.search(r'<main [^>]*id="content"', html)
    assert '<nav class="bar__nav" id="nav" popover aria-label="Main">' in html
    assert '<html lang="en"' in html


def test_the_style_guide_is_routed_in_development_only() -> None:
    assert not any(getattr(pattern, "name", "") == "styleguide" for pattern in urls.urlpatterns)


@pytest.mark.urls("pulseops.urls")
def test_crawlers_are_kept_to_the_landing_page(client: Client) -> None:
    response = client.get("/robots.txt")
    assert response["Content-Type"].startswith("text/plain")
    assert "Disallow: /\n" in response.text
