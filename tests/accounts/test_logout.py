from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Session, User


@pytest.mark.django_db
def test_deletes_the_row_and_the_cookie(
    client_for: Callable[[User], Client], viewer: User, audited: Callable[[], list[str]]
) -> None:
    client = client_for(viewer)
    response = client.post("/logout")
    assert (response.status_code, response["location"]) == (302, "/")
    assert not Session.objects.exists()
    assert response.cookies["pulseops_session"].value == ""
    assert audited() == ["user.signed_out"]
    assert client.get("/account").status_code == 302


@pytest.mark.django_db
def test_a_link_signs_no_one_out(client_for: Callable[[User], Client], viewer: User) -> None:
    client = client_for(viewer)
    assert client.get("/logout").status_code == 405
    assert Session.objects.filter(user=viewer).exists()


@pytest.mark.django_db
def test_signed_out_already_is_fine(client: Client) -> None:
    assert client.post("/logout").status_code == 302


@pytest.mark.django_db
def test_next_stays_on_this_site(client: Client) -> None:
    assert client.post("/logout", {"next": "/invite/x"})["location"] == "/invite/x"
    assert client.post("/logout", {"next": "//evil.example"})["location"] == "/"
