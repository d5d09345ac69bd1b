from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditLog, Membership, Role, Session, User
from accounts.passwords import BcryptHasher
from accounts.sessions import hash_session_key
from tests.support.factories import PASSWORD, make_org, make_user


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login", {"login": email, "password": password, **more})


def session_user(client: Client) -> User | None:
    cookie = client.cookies.get("pulseops_session")
    row = Session.objects.filter(session_token_hash=hash_session_key(cookie.value)).first() if cookie else None
    return row.user if row else None


@pytest.mark.django_db
def test_page_shows_the_form(client: Client) -> None:
    page = client.get("/login").content.decode()
    assert 'name="login"' in page
    assert 'name="password"' in page
    assert 'href="/account/reset"' in page
    assert "remember" not in page


@pytest.mark.django_db
def test_signs_in_with_a_session_row_of_thirty_days(client: Client, org: Any, viewer: User) -> None:
    response = sign_in(client, viewer.email)
    assert (response.status_code, response["location"]) == (302, "/dashboard")
    row = Session.objects.get(user=viewer)
    assert round((row.expires_at - row.created_at).total_seconds()) == 30 * 24 * 3600
    assert row.address == "127.0.0.1"
    assert len(client.cookies["pulseops_session"].value) == 64
    assert AuditLog.objects.get(action="user.signed_in").org == org


@pytest.mark.django_db
def test_unknown_address_wrong_password_and_deactivated_account_answer_alike(client: Client) -> None:
    make_user("known@example.org")
    make_user("off@example.org", is_active=False)
    pages = [
        sign_in(client, "unknown@example.org"),
        sign_in(client, "known@example.org", "not the password"),
        sign_in(client, "off@example.org"),
    ]
    for page in pages:
        assert page.status_code == 200
        assert page.context["form"].non_field_errors() == ["The e-mail address or the password is not right."]
    assert session_user(client) is None


@pytest.mark.django_db
def test_an_unknown_address_costs_a_hash_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    encode = BcryptHasher.encode
    monkeypatch.setattr(
        BcryptHasher, "encode", lambda self, password, salt: hashed.append(1) or encode(self, password, salt)
    )
    sign_in(client, "unknown@example.org")
    unknown = len(hashed)
    make_user("known@example.org")
    hashed.clear()
    sign_in(client, "known@example.org", "not the password")
    assert unknown == len(hashed) == 1


@pytest.mark.django_db
def test_two_accounts_that_differ_in_case_alone_both_work() -> None:
    lower = User.objects.create(email="ann@example.org")
    upper = User.objects.create(email="Ann@Example.org")
    for user, password in ((lower, "the lower password"), (upper, "the upper password")):
        user.set_password(password)
        user.save()
        client = Client()
        sign_in(client, user.email, password)
        assert session_user(client) == user
    stranger = Client()
    sign_in(stranger, "ANN@example.org", "the lower password")
    assert session_user(stranger) is None


@pytest.mark.django_db
def test_the_only_match_in_another_case_signs_in(client: Client) -> None:
    user = User.objects.create(email="Bob@Example.org")
    user.set_password(PASSWORD)
    user.save()
    sign_in(client, " bob@example.ORG ")
    assert session_user(client) == user


@pytest.mark.django_db
def test_an_old_password_of_more_than_72_bytes_signs_in(client: Client) -> None:
    user = make_user("old@example.org", password="p" * 72)
    sign_in(client, user.email, "p" * 72 + "what the old software cut off")
    assert session_user(client) == user


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["login", "password"])
def test_nul_is_refused(client: Client, field: str) -> None:
    response = client.post("/login", {"login": "a@example.org", "password": "x", field: "a\0b"})
    assert "Null characters" in str(response.context["form"].errors[field])


@pytest.mark.django_db
def test_next_leads_back(client: Client, viewer: User) -> None:
    assert client.get("/account/sessions?x=1")["location"] == "/login?next=/account/sessions%3Fx%3D1"
    assert sign_in(client, viewer.email, next="/account/sessions?x=1")["location"] == "/account/sessions?x=1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "http://localhost:8000@evil.example/",
    ],
)
def test_next_leads_nowhere_else(viewer: User, evil: str) -> None:
    assert sign_in(Client(), viewer.email, next=evil)["location"] == "/dashboard"
    client = Client()
    client.force_login(viewer)
    assert client.get("/login", {"next": evil})["location"] == "/dashboard"


@pytest.mark.django_db
def test_the_former_session_is_not_kept(client: Client, viewer: User) -> None:
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies["pulseops_session"] = session.session_key
    sign_in(client, viewer.email)
    assert client.cookies["pulseops_session"].value != session.session_key
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_starts_in_the_organisation_of_longest_standing(client: Client, viewer: User) -> None:
    Membership.objects.create(org=make_org("Later"), user=viewer, role=Role.ADMIN)
    sign_in(client, viewer.email)
    assert client.get("/orgs").context["org"].name == "Acme"


@pytest.mark.django_db
def test_no_other_allauth_page_exists(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    for path in ("/accounts/login/", "/login/", "/account/email/", "/account/confirm-email/", "/account/password/set"):
        assert client.get(path).status_code == 404
