from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import hash_session_key
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD

NEW = "another good password"


@pytest.mark.django_db
def test_page_shows_the_form(client_for: Callable[[User], Client], viewer: User) -> None:
    page = client_for(viewer).get("/account/password").content.decode()
    assert 'name="oldpassword"' in page
    assert 'name="password1"' in page
    assert "password2" not in page


@pytest.mark.django_db
def test_signed_out_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/account/password")["location"].startswith("/login?")


@pytest.mark.django_db
def test_ends_the_other_sessions_and_keeps_this_one(
    client_for: Callable[[User], Client],
    viewer: User,
    outsider: User,
    audited: Callable[[], list[str]],
    working: Working,
) -> None:
    here, there, stranger = client_for(viewer), client_for(viewer), client_for(outsider)
    with working():
        response = here.post("/account/password", {"oldpassword": PASSWORD, "password1": NEW})
    assert (response.status_code, response["location"]) == (302, "/account/password")
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert stranger.get("/account").status_code == 200
    assert Session.objects.filter(user=viewer).count() == 1
    assert audited() == ["user.password_changed"]
    assert mail.outbox[0].to == [viewer.email]
    assert "Your password was changed" in mail.outbox[0].body


@pytest.mark.django_db
def test_a_session_of_the_old_software_ends_too(viewer: User) -> None:
    # Such a row has no data, so nothing in it is bound to the password.
    key = "a" * 64
    Session.objects.create(
        user=viewer, session_token_hash=hash_session_key(key), expires_at=timezone.now() + timedelta(days=1)
    )
    viewer.set_password(NEW)
    viewer.save()
    assert not Session.objects.filter(user=viewer).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ("wrong", NEW, "oldpassword", "not your current password"),
        (PASSWORD, "short", "password1", "at least 10"),
        (PASSWORD, "x" * 73, "password1", "longer than 72 bytes"),
    ],
)
def test_wrong_input_changes_nothing(
    client_for: Callable[[User], Client], viewer: User, old: str, new: str, field: str, said: str
) -> None:
    client = client_for(viewer)
    response = client.post("/account/password", {"oldpassword": old, "password1": new})
    assert said in str(response.context["form"].errors[field])
    viewer.refresh_from_db()
    assert viewer.check_password(PASSWORD)
    assert client.get("/account").status_code == 200
