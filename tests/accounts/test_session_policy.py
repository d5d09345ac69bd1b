"""How long sessions last, who is told of new ones, and under which names their cookies travel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import hash_session_key
from tests.support.factories import PASSWORD
from tests.support.sign_in import signed_in

pytestmark = pytest.mark.django_db
Working = Callable[[], AbstractContextManager[None]]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def age(**columns: timedelta) -> None:
    now = timezone.now()
    Session.objects.update(**{name: now - ago for name, ago in columns.items()})


def ends_in() -> timedelta:
    return Session.objects.get().expires_at - timezone.now()


def about(left: timedelta, right: timedelta) -> bool:
    return abs(left - right) < timedelta(minutes=1)


def test_a_session_ends_when_it_is_not_used(viewer: User, settings: Any) -> None:
    settings.SESSION_IDLE_HOURS = 8
    signed_in(viewer)
    assert about(ends_in(), timedelta(hours=8))


def test_each_visit_moves_its_end(viewer: User) -> None:
    client = signed_in(viewer)
    assert about(ends_in(), timedelta(days=30))
    age(last_seen_at=timedelta(days=20), created_at=timedelta(days=20))
    Session.objects.update(expires_at=timezone.now() + timedelta(days=10))
    assert client.get("/account").status_code == 200
    assert about(ends_in(), timedelta(days=30))


def test_but_not_beyond_the_absolute_limit(viewer: User) -> None:
    client = signed_in(viewer)
    age(last_seen_at=timedelta(days=5), created_at=timedelta(days=89))
    client.get("/account")
    assert about(ends_in(), timedelta(days=1))
    Session.objects.update(expires_at=timezone.now())
    assert client.get("/account")["Location"].startswith("/login")


def test_a_half_finished_sign_in_lasts_an_hour(client: Client) -> None:
    session = client.session
    session["half"] = "way"
    session.save()
    assert about(ends_in(), timedelta(hours=1))


def sign_in(user: User, client: Client | None = None) -> Client:
    client = client or Client(headers={"user-agent": FIREFOX})
    assert client.post("/login", {"login": user.email, "password": PASSWORD}).status_code == 302
    return client


def test_the_user_is_notified_of_a_new_browser(viewer: User, working: Working) -> None:
    first = sign_in(viewer)
    assert not Session.objects.filter(is_new_device=True).exists(), "the very first one is no news"
    with working():
        sign_in(viewer)
    [message] = mail.outbox
    assert (message.to, message.subject) == ([viewer.email], "New sign-in to PulseOps")
    assert "Firefox on Linux" in message.body
    assert "A new browser signed in:" in first.get("/account").content.decode()
    assert "new browser" in first.get("/account/sessions").content.decode()


def test_a_known_browser_is_not(viewer: User, working: Working) -> None:
    client = sign_in(viewer)
    client.post("/logout")
    with working():
        sign_in(viewer, client)
    assert mail.outbox == []
    assert not Session.objects.filter(is_new_device=True).exists()


@pytest.fixture
def host_cookies(settings: Any) -> None:
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-pulseops_session", "__Host-csrftoken"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


def before_the_update(user: User, settings: Any) -> Client:
    """Return a client that signed in when cookies had their former names."""
    client = signed_in(user)
    assert set(client.cookies) == {"pulseops_session"}
    return client


def test_cookies_of_former_names_are_taken_over_once(viewer: User, settings: Any) -> None:
    client = before_the_update(viewer, settings)
    token = client.cookies["pulseops_session"].value
    settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE = "__Host-pulseops_session", True
    response = client.get("/account", secure=True)
    assert response.status_code == 200
    cookie = response.cookies["__Host-pulseops_session"]
    assert (cookie.value, cookie["secure"], cookie["path"], cookie["domain"]) == (token, True, "/", "")
    assert response.cookies["pulseops_session"]["max-age"] == 0
    assert client.get("/account", secure=True).status_code == 200
    thief = Client(headers={"cookie": f"pulseops_session={token}"})
    assert thief.get("/account", secure=True).status_code == 302, "only once"


def test_a_session_of_today_comes_under_its_own_name_alone(viewer: User, host_cookies: None) -> None:
    client = signed_in(viewer)
    token = client.cookies["__Host-pulseops_session"].value
    assert client.get("/account", secure=True).status_code == 200
    planted = Client(headers={"cookie": f"pulseops_session={token}"})
    assert planted.get("/account", secure=True).status_code == 302
    assert Session.objects.get(session_token_hash=hash_session_key(token)).data["host_cookie"]


def test_a_form_from_before_the_update_can_still_be_sent(viewer: User, settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    client.get("/account")
    token = client.cookies["csrftoken"].value
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-pulseops_session", "__Host-csrftoken"
    form = {"name": "Renamed", "csrfmiddlewaretoken": token}
    response = client.post("/account", form, secure=True, headers={"referer": "https://testserver/account"})
    assert response.status_code == 302
    viewer.refresh_from_db()
    assert viewer.name == "Renamed"


def test_pages_take_from_scripts_what_they_do_not_use(client: Client) -> None:
    policy = client.get("/login")["Permissions-Policy"]
    assert "camera=()" in policy
    assert "geolocation=()" in policy
