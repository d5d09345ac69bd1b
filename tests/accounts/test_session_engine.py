from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Org, Session, User
from accounts.sessions import SessionStore, hash_session_key
from accounts.tasks import trim_sessions


def old_session(user: User, org: Org | None = None, *, days: float = 7) -> Client:
    """Give a client with the cookie and the row that the old software would have left."""
    token = secrets.token_hex(32)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sessions (id, user_id, session_token_hash, active_org_id, expires_at) "
            "VALUES (gen_random_uuid(), %s, %s, %s, now() + %s)",
            [user.pk, hash_session_key(token), org.pk if org else None, timedelta(days=days)],
        )
    client = Client()
    client.cookies["pulseops_session"] = token
    return client


@pytest.mark.django_db
def test_an_old_session_goes_on(org: Org, viewer: User) -> None:
    client = old_session(viewer, org)
    response = client.get("/orgs")
    assert response.status_code == 200
    assert response.context["user"] == viewer
    assert response.context["org"] == org


@pytest.mark.django_db
def test_an_old_session_keeps_what_django_adds(org: Org, viewer: User) -> None:
    client = old_session(viewer, org)
    client.post("/orgs/switch", {"org": str(org.pk)})
    row = Session.objects.get()
    assert row.data["_auth_user_id"] == str(viewer.pk)
    assert client.get("/account").status_code == 200


@pytest.mark.django_db
def test_an_old_session_without_a_user_or_past_its_time_signs_no_one_in(viewer: User) -> None:
    assert old_session(viewer, days=-1).get("/account").status_code == 302
    viewer.is_active = False
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert old_session(viewer).get("/account").status_code == 302


@pytest.mark.django_db
def test_the_row_alone_opens_nothing(client_for: Callable[[User], Client], viewer: User) -> None:
    client_for(viewer)
    thief = Client()
    thief.cookies["pulseops_session"] = Session.objects.get().session_token_hash
    assert thief.get("/account").status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "x", "f" * 64, "F" * 64, "' OR 1=1 --", "é" * 64, "0" * 5000])
def test_odd_cookies_name_no_one(cookie: str) -> None:
    client = Client()
    client.cookies["pulseops_session"] = cookie
    assert client.get("/account").status_code == 302


@pytest.mark.django_db
def test_sessions_end_when_they_are_not_used(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    with time_machine.travel(timezone.now() + timedelta(days=30, seconds=1)):
        assert client.get("/account").status_code == 302
        assert trim_sessions() == {"deleted": 1}
    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_session_that_was_ended_is_not_brought_back(viewer: User) -> None:
    store = SessionStore()
    store["_auth_user_id"] = str(viewer.pk)
    store.create()
    other = SessionStore(store.session_key)
    assert other["_auth_user_id"] == str(viewer.pk)
    Session.objects.all().delete()
    other["x"] = 1
    with pytest.raises(UpdateError):
        other.save()


def test_django_finds_the_engine() -> None:
    assert import_module(settings.SESSION_ENGINE).SessionStore is SessionStore
    assert settings.SESSION_COOKIE_NAME == "pulseops_session"
