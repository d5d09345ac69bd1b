from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client, RequestFactory

from accounts.device_cookie import is_known_device
from accounts.models import User
from tests.support.factories import PASSWORD, make_user


@pytest.mark.django_db
def test_sign_up_is_throttled_with_a_page_in_the_frame(client: Client) -> None:
    for _ in range(20):
        assert client.post("/signup", {}).status_code == 200
    refused = client.post("/signup", {})
    assert refused.status_code == 429
    assert refused["Retry-After"] == "60"
    assert "Too many tries" in refused.content.decode()
    assert 'class="bar"' in refused.content.decode()
    assert client.get("/signup").status_code == 200, "looking is free"


@pytest.mark.django_db
def test_wrong_passwords_for_one_address_are_throttled_even_before_the_right_one(client: Client) -> None:
    user = make_user("known@example.org")
    for _ in range(5):
        client.post("/login", {"login": user.email, "password": "wrong"})
    response = client.post("/login", {"login": "KNOWN@example.org", "password": PASSWORD})
    assert response.status_code == 200
    assert "Too many attempts" in str(response.context["form"].non_field_errors())


@pytest.mark.django_db
def test_unknown_addresses_are_throttled_alike(client: Client) -> None:
    for _ in range(6):
        response = client.post("/login", {"login": "unknown@example.org", "password": "wrong"})
    assert "Too many attempts" in str(response.context["form"].non_field_errors())


@pytest.mark.django_db
def test_wrong_passwords_from_one_client_are_throttled(client: Client) -> None:
    for number in range(11):
        response = client.post("/login", {"login": f"{number}@example.org", "password": "wrong"})
    assert "Too many attempts" in str(response.context["form"].non_field_errors())
    other = Client(REMOTE_ADDR="192.0.2.7")
    assert other.post("/login", {"login": "x@example.org", "password": "wrong"}).context["form"].non_field_errors() == [
        "The e-mail address or the password is not right."
    ]


@pytest.mark.django_db
def test_reset_is_throttled_by_account(client: Client) -> None:
    for _ in range(5):
        assert client.post("/account/reset", {"email": "known@example.org"}).status_code == 302
    assert client.post("/account/reset", {"email": "Known@example.org"}).status_code == 429
    assert client.post("/account/reset", {"email": "other@example.org"}).status_code == 302


@pytest.mark.django_db
def test_password_change_is_throttled_by_person(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    for _ in range(5):
        client.post("/account/password", {"oldpassword": "wrong", "password1": "another good password"})
    assert client.post("/account/password", {}).status_code == 429


@pytest.mark.django_db
def test_password_of_an_address_change_is_throttled(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    for _ in range(10):
        client.post("/account/email", {"email": "new@example.org", "password": "wrong"})
    assert client.post("/account/email", {"email": "new@example.org", "password": PASSWORD}).status_code == 429


@pytest.mark.django_db
@pytest.mark.parametrize("forged", ["203.0.113.1", "203.0.113.1, 198.51.100.2"])
def test_a_header_that_no_proxy_of_ours_wrote_gets_no_one_round(client: Client, forged: str) -> None:
    for number in range(20):
        client.post("/signup", {}, headers={"x-forwarded-for": f"{forged}{number}"})
    assert client.post("/signup", {}, headers={"x-forwarded-for": forged}).status_code == 429


@pytest.mark.django_db
def test_failures_of_many_others_do_not_wipe_out_the_count(client: Client) -> None:
    for _ in range(5):
        client.post("/login", {"login": "victim@example.org", "password": "wrong"})
    for number in range(400):
        cache.set(f"failure:{number}", [1.0], 300)
    response = client.post("/login", {"login": "victim@example.org", "password": "wrong"})
    assert "Too many attempts" in str(response.context["form"].non_field_errors())


# -- Of an account, whatever it is called, by any sender ----------------------------------------------------------

SPELLINGS = (
    "sissi@example.org",
    "SISSI@EXAMPLE.ORG",
    "\u017fissi@example.org",
    "s\u0131ssi@example.org",
    " sissi@example.org",
)
TOO_MANY = "Too many attempts"


def try_to_sign_in(email: str, *, address: str, password: str = "wrong", **headers: str) -> Any:
    return Client(REMOTE_ADDR=address).post("/login", {"login": email, "password": password}, **headers)


def refusal(response: Any) -> str:
    return str(response.context["form"].non_field_errors()) if response.context else ""


@pytest.mark.django_db
def test_neither_host_nor_spelling_gives_more_tries(settings: Any) -> None:
    user = make_user("sissi@example.org")
    for number in range(5):
        email = SPELLINGS[number % len(SPELLINGS)]
        tried = try_to_sign_in(email, address="192.0.2.1", HTTP_HOST=f"localhost:{1000 + number}")
        assert TOO_MANY not in refusal(tried)
    for number, email in enumerate(SPELLINGS):
        right = try_to_sign_in(email, address="192.0.2.1", password=PASSWORD, HTTP_HOST=f"127.0.0.1:{2000 + number}")
        assert TOO_MANY in refusal(right)
    assert not user.sessions.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("is_known", [True, False])
def test_an_unknown_account_is_counted_like_a_known_one(is_known: bool) -> None:
    if is_known:
        make_user("sissi@example.org")
    for number in range(5):
        try_to_sign_in(SPELLINGS[number % len(SPELLINGS)], address="192.0.2.1")
    assert TOO_MANY in refusal(try_to_sign_in(SPELLINGS[2], address="192.0.2.1"))


@pytest.mark.django_db
def test_an_address_of_the_same_network_has_no_tries_of_its_own() -> None:
    make_user("sissi@example.org")
    for number in range(5):
        try_to_sign_in("sissi@example.org", address=f"192.0.2.{number}")
    assert TOO_MANY in refusal(try_to_sign_in("sissi@example.org", address="192.0.2.99"))
    for number in range(5):
        try_to_sign_in("ida@example.org", address=f"2001:db8:1:{number}::1")
    assert TOO_MANY in refusal(try_to_sign_in("ida@example.org", address="2001:db8:1:ffff::1"))


@pytest.mark.django_db
def test_strangers_elsewhere_do_not_keep_the_owner_out() -> None:
    owner = make_user("owner@example.org")
    for number in range(5):
        try_to_sign_in(owner.email, address=f"198.51.{number}.7")
    assert try_to_sign_in(owner.email, address="192.0.2.1", password=PASSWORD).status_code == 302


@pytest.mark.django_db
def test_all_strangers_together_have_an_end_but_not_the_owners_browser(client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_failed_account": "6/h/key"}
    owner = make_user("owner@example.org")
    client.post("/login", {"login": owner.email, "password": PASSWORD})
    client.post("/logout")
    for number in range(7):
        last = try_to_sign_in(owner.email, address=f"198.51.{number}.7")
    assert TOO_MANY in refusal(last)
    assert TOO_MANY in refusal(try_to_sign_in(owner.email, address="192.0.2.1", password=PASSWORD))
    assert client.post("/login", {"login": "OWNER@example.org", "password": PASSWORD}).status_code == 302


@pytest.mark.django_db
def test_a_browser_that_signed_in_before_has_five_tries_too_and_none_for_others(client: Client) -> None:
    owner, other = make_user("owner@example.org"), make_user("other@example.org")
    client.post("/login", {"login": owner.email, "password": PASSWORD})
    client.post("/logout")
    for _ in range(5):
        client.post("/login", {"login": owner.email, "password": "wrong"})
    assert TOO_MANY in refusal(client.post("/login", {"login": owner.email, "password": PASSWORD}))
    for _ in range(5):
        try_to_sign_in(other.email, address="127.0.0.1")
    assert TOO_MANY in refusal(client.post("/login", {"login": other.email, "password": PASSWORD}))


@pytest.mark.django_db
@pytest.mark.parametrize("forged", ["x", "WyJhIl0:1abc:xyz", "a" * 5000])
def test_a_forged_device_cookie_is_a_strangers(forged: str) -> None:
    make_user("owner@example.org")
    client = Client()
    client.cookies["pulseops_device"] = forged
    for _ in range(6):
        last = client.post("/login", {"login": "owner@example.org", "password": "wrong"})
    assert TOO_MANY in refusal(last)


@pytest.mark.django_db
def test_device_cookie_is_closed_to_scripts_and_names_no_one(client: Client) -> None:
    owner = make_user("owner@example.org")
    client.post("/login", {"login": owner.email, "password": PASSWORD})
    cookie = client.cookies["pulseops_device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 365 * 24 * 3600)
    assert signing.loads(cookie.value, salt="accounts.device")
    assert str(owner.pk) not in str(signing.loads(cookie.value, salt="accounts.device"))


@pytest.mark.django_db
def test_a_browser_remembers_the_last_five_accounts(client: Client) -> None:
    users = [make_user() for _ in range(7)]
    for user in users:
        client.post("/login", {"login": user.email, "password": PASSWORD})
        client.post("/logout")
    request = RequestFactory().get("/")
    request.COOKIES["pulseops_device"] = client.cookies["pulseops_device"].value
    assert [is_known_device(request, user) for user in users] == [False] * 2 + [True] * 5


@pytest.mark.django_db
def test_strangers_do_not_disturb_the_password_of_who_is_signed_in(
    client_for: Callable[[User], Client], viewer: User
) -> None:
    for _ in range(6):
        try_to_sign_in(viewer.email, address="127.0.0.1")
    client = client_for(viewer)
    assert client.post("/account/reauthenticate", {"password": PASSWORD, "next": "/account"})["location"] == "/account"
    for _ in range(10):
        last = client.post("/account/reauthenticate", {"password": "wrong"})
    assert last.status_code == 429


@pytest.mark.django_db
def test_a_mailbox_gets_five_reset_links_an_hour_and_the_owners_browser_still_one(client: Client, working: Any) -> None:
    owner = make_user("sissi@example.org")
    client.post("/login", {"login": owner.email, "password": PASSWORD})
    client.post("/logout")
    with working():
        for number in range(9):
            email = SPELLINGS[number % len(SPELLINGS)]
            asked = Client(REMOTE_ADDR=f"198.51.{number}.7").post("/account/reset", {"email": email})
            assert asked.status_code == 302, "whoever asks learns nothing"
    assert len(mail.outbox) == 5
    with working():
        client.post("/account/reset", {"email": owner.email})
    assert len(mail.outbox) == 6


@pytest.mark.django_db
def test_a_reset_forgives_what_strangers_did(client: Client, working: Any, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_failed_account": "5/h/key"}
    owner = make_user("owner@example.org")
    for number in range(6):
        last = try_to_sign_in(owner.email, address=f"198.51.{number}.7")
    assert TOO_MANY in refusal(last)
    with working():
        client.post("/account/reset", {"email": owner.email})
    found = re.search(r"http://localhost:8000(/account/reset/\S+)", mail.outbox[-1].body)
    assert found
    page = client.get(found[1], follow=True)
    client.post(page.redirect_chain[-1][0], {"password1": "another good password"})
    signed_in = client.post("/login", {"login": owner.email, "password": "another good password"})
    assert signed_in.status_code == 302


def test_no_throttle_of_the_product_counts_by_a_host() -> None:
    sources = (Path(__file__).resolve().parents[2] / "accounts").rglob("*.py")
    assert not [path.name for path in sources if "get_current_site" in path.read_text()]
