from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db  # the landing page asks whether anyone may sign up


@pytest.mark.parametrize(
    ("path", "field", "cookie", "value"),
    [
        ("/preferences/theme", "theme", "theme", "dark"),
        ("/preferences/theme", "theme", "theme", "system"),
        ("/preferences/zone", "tz", "tz", "utc"),
    ],
)
def test_a_choice_sticks_in_a_cookie(client: Client, path: str, field: str, cookie: str, value: str) -> None:
    response = client.post(path, {field: value, "next": "/robots.txt"})
    assert (response.status_code, response["Location"]) == (302, "/robots.txt")
    assert response.cookies[cookie].value == value
    assert response.cookies[cookie]["samesite"] == "Lax"


@pytest.mark.parametrize(("path", "field", "cookie", "fallback"), [
    ("/preferences/theme", "theme", "theme", "system"),
    ("/preferences/zone", "tz", "tz", "local"),
])  # fmt: skip
def test_nonsense_is_the_default(client: Client, path: str, field: str, cookie: str, fallback: str) -> None:
    assert client.post(path, {field: "<script>"}).cookies[cookie].value == fallback


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_back_stays_on_this_site(client: Client, target: str) -> None:
    assert client.post("/preferences/theme", {"theme": "dark", "next": target})["Location"] == "/"


@pytest.mark.parametrize(
    ("said", "back"),
    [
        ("http://testserver/logs?q=a&tz=utc", "http://testserver/logs?q=a"),
        ("https://evil.example/", "/"),
        ("http://[", "/"),
        ("http://[::1]x/", "/"),
        ("//", "/"),
    ],
)
def test_a_long_address_is_taken_from_what_the_browser_says(client: Client, said: str, back: str) -> None:
    response = client.post("/preferences/theme", {"theme": "dark", "next": ""}, headers={"referer": said})
    assert (response.status_code, response["Location"]) == (302, back)


@pytest.mark.parametrize("path", ["/preferences/theme", "/preferences/zone"])
def test_looking_changes_nothing(client: Client, path: str) -> None:
    assert client.get(path).status_code == 405


def test_the_server_writes_the_theme_into_the_page(client: Client) -> None:
    assert 'data-theme="system"' in client.get("/").text
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/").text
    client.cookies["theme"] = '"><script>'
    assert 'data-theme="system"' in client.get("/").text


def test_the_zone_follows_choice_and_machine(client: Client) -> None:
    client.cookies["tzname"] = "Asia/Kathmandu"
    assert "UTC+05:45" in client.get("/").text
    assert "UTC+05:45" not in client.get("/?tz=utc").text
    client.cookies["tz"] = "utc"
    assert "UTC+05:45" not in client.get("/").text
    assert "UTC+05:45" in client.get("/?tz=local").text


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "x" * 4000])
def test_an_unknown_zone_is_utc(client: Client, name: str) -> None:
    client.cookies["tzname"] = name
    response = client.get("/")
    assert response.status_code == 200
    assert "Times are in UTC." in response.text
