from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from tests.support.factories import PASSWORD


@pytest.mark.django_db
def test_createsuperuser_asks_nothing_with_noinput(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", "--email", "Root@Example.org", stdout=StringIO())
    user = User.objects.get()
    assert user.email == "Root@example.org"
    assert user.is_superuser
    assert user.is_staff
    response = client.post("/login", {"login": "root@example.org", "password": PASSWORD, "next": "/admin/"})
    assert response["location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_createsuperuser_needs_an_address_of_its_own() -> None:
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput")
    User.objects.create_user("root@example.org")
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", "--noinput", "--email", "root@example.org")


@pytest.mark.django_db
def test_a_superuser_has_no_organisation_by_that(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root@example.org", PASSWORD))
    assert client.get("/orgs/members")["location"] == "/orgs"


@pytest.mark.django_db
def test_changepassword_ends_sessions(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create_superuser("root@example.org", PASSWORD)
    client.force_login(user)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another good password")
    call_command("changepassword", "root@example.org", stdout=StringIO())
    assert client.get("/account").status_code == 302
    user.refresh_from_db()
    assert user.check_password("another good password")


def test_a_user_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs an e-mail"):
        User.objects.create_user("")
