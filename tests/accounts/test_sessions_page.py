from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import hash_session_key
from accounts.user_agents import name

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def row_of(client: Client) -> Session:
    return Session.objects.get(session_token_hash=hash_session_key(client.cookies["pulseops_session"].value))


@pytest.mark.django_db
def test_signed_out_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/account/sessions").status_code == 302
    assert client.post("/account/sessions/end-others").status_code == 302


@pytest.mark.django_db
def test_lists_ones_own_live_sessions_this_one_first(
    client_for: Callable[[User], Client], viewer: User, outsider: User
) -> None:
    here, there = client_for(viewer), client_for(viewer)
    client_for(outsider)
    Session.objects.create(user=viewer, session_token_hash="gone", expires_at=timezone.now() - timedelta(seconds=1))
    Session.objects.filter(pk=row_of(there).pk).update(user_agent=FIREFOX, address="192.0.2.1")
    response = here.get("/account/sessions")
    shown = response.context["sessions"]
    assert [(each["row"].pk, each["is_this"]) for each in shown] == [(row_of(here).pk, True), (row_of(there).pk, False)]
    assert "Firefox on Linux" in response.content.decode()
    assert "192.0.2.1" in response.content.decode()
    assert "session_token_hash" not in response.content.decode()


@pytest.mark.django_db
def test_ends_one(client_for: Callable[[User], Client], viewer: User, audited: Callable[[], list[str]]) -> None:
    here, there = client_for(viewer), client_for(viewer)
    assert here.post(f"/account/sessions/{row_of(there).pk}/end")["location"] == "/account/sessions"
    assert there.get("/account").status_code == 302
    assert here.get("/account").status_code == 200
    assert audited() == ["session.ended"]


@pytest.mark.django_db
def test_ending_this_one_signs_out(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    assert client.post(f"/account/sessions/{row_of(client).pk}/end")["location"] == "/login"
    assert client.get("/account").status_code == 302


@pytest.mark.django_db
def test_ends_all_others(client_for: Callable[[User], Client], viewer: User, audited: Callable[[], list[str]]) -> None:
    here, *others = (client_for(viewer) for _ in range(3))
    assert here.post("/account/sessions/end-others")["location"] == "/account/sessions"
    assert [each.get("/account").status_code for each in (here, *others)] == [200, 302, 302]
    here.post("/account/sessions/end-others")
    assert audited() == ["session.others_ended"], "nothing to end is nothing to record"


@pytest.mark.django_db
def test_sessions_of_others_are_out_of_reach(
    client_for: Callable[[User], Client], viewer: User, outsider: User
) -> None:
    theirs = row_of(client_for(outsider))
    assert client_for(viewer).post(f"/account/sessions/{theirs.pk}/end").status_code == 404
    assert client_for(viewer).post(f"/account/sessions/{uuid4()}/end").status_code == 404
    assert Session.objects.filter(pk=theirs.pk).exists()


@pytest.mark.django_db
def test_other_methods_are_refused(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    assert client.post("/account/sessions").status_code == 405
    assert client.get("/account/sessions/end-others").status_code == 405
    assert client.get(f"/account/sessions/{row_of(client).pk}/end").status_code == 405


WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        (FIREFOX, "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Safari/605.1.15", "Safari on macOS"),
        (f"Mozilla/5.0 (iPhone; like Mac OS X) {WEBKIT} CriOS/140.0 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} Chrome/140.0 Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
        ("<script>", "Unknown browser"),
    ],
)
def test_devices_are_said_in_words(user_agent: str, said: str) -> None:
    assert name(user_agent) == said
