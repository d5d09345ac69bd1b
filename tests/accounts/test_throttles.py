from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

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
def test_reset_is_throttled_by_address(client: Client) -> None:
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
def test_a_header_that_no_proxy_of_ours_wrote_gets_nobody_round(client: Client, forged: str) -> None:
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
