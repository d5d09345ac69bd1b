"""Where a user begins and in which zone they see times: kept with the account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.support.factories import PASSWORD

ClientFor = Callable[[User], Client]


def choose(client: Client, **given: str) -> None:
    assert client.post("/account/preferences", {"start_page": "dashboard", **given})["Location"] == "/account"


@pytest.mark.django_db
def test_signed_out_is_asked_to_sign_in(client: Client) -> None:
    assert client.post("/account/preferences", {"zone": "UTC"})["location"] == "/login"


def test_sign_in_leads_to_the_chosen_page(client_for: ClientFor, viewer: User) -> None:
    choose(client_for(viewer), start_page="incidents:list")
    given = {"login": viewer.email, "password": PASSWORD}
    assert Client().post("/login", given)["Location"] == "/incidents"
    assert Client().post("/login", {**given, "next": "/logs"})["Location"] == "/logs"
    for path in ("/", "/login", "/signup"):
        assert client_for(viewer).get(path)["Location"] == "/incidents", path


@pytest.mark.parametrize("chosen", ["accounts:members", "https://evil.example/", "landing", "gone:page"])
def test_another_page_is_none_to_begin_with(client_for: ClientFor, viewer: User, chosen: str) -> None:
    client = client_for(viewer)
    response = client.post("/account/preferences", {"start_page": chosen})
    assert response.context["preferences_form"].errors["start_page"]
    User.objects.filter(pk=viewer.pk).update(preferences={"start_page": chosen})
    assert client.get("/")["Location"] == "/dashboard"


def test_the_zone_is_that_of_the_account_on_any_browser(client_for: ClientFor, viewer: User) -> None:
    choose(client_for(viewer), zone="Asia/Kathmandu")
    client = client_for(viewer)
    client.cookies["tzname"] = "Europe/Berlin"
    assert "UTC+05:45" in client.get("/account").text
    assert 'value="Asia/Kathmandu" selected' in client.get("/account").text
    assert "UTC+05:45" not in client.get("/account?tz=utc").text
    client.post("/preferences/zone", {"tz": "utc"})
    assert "UTC+05:45" not in client_for(viewer).get("/account").text
    client.post("/preferences/zone", {"tz": "local"})
    assert "UTC+05:45" in client_for(viewer).get("/account").text
    choose(client, zone="UTC")
    assert 'value="UTC" selected' in client.get("/account").text
    choose(client, zone="")
    assert "UTC+05:45" not in client.get("/account").text


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "x" * 4_000, "utc\0"])
def test_an_unknown_zone_is_refused(client_for: ClientFor, viewer: User, zone: str) -> None:
    response = client_for(viewer).post("/account/preferences", {"start_page": "dashboard", "zone": zone})
    assert response.context["preferences_form"].errors["zone"]
    viewer.refresh_from_db()
    assert viewer.preferences == {}


def test_a_browsers_choice_of_utc_is_taken_over_once(client_for: ClientFor, viewer: User) -> None:
    client = client_for(viewer)
    client.cookies["tz"] = "utc"
    client.get("/account")
    other = client_for(viewer)
    other.cookies["tzname"] = "Asia/Kathmandu"
    assert "UTC+05:45" not in other.get("/account").text
    other.post("/preferences/zone", {"tz": "local"})
    client.cookies["tzname"] = "Asia/Kathmandu"
    assert "UTC+05:45" in client.get("/account").text, "the account's choice is newer than the cookie"


def test_choices_of_two_tabs_do_not_meet(viewer: User) -> None:
    first, second = User.objects.get(pk=viewer.pk), User.objects.get(pk=viewer.pk)
    first.keep_preferences({"a": "1", "b": "2"})
    second.keep_preferences({"a": "3", "long": "x" * 2_001})
    viewer.refresh_from_db()
    assert viewer.preferences == {"a": "3", "b": "2"}
