from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog, Invitation, Org, User

LINK = re.compile(r"http://localhost:8000/invite/([\w-]+)")


def invite(client: Client, email: str = "new@example.org", role: str = "developer") -> str:
    """Invite and return the token out of the page."""
    page = client.post("/orgs/invitations", {"email": email, "role": role}).content.decode()
    found = LINK.search(page)
    assert found, page
    return found[1]


@pytest.mark.django_db
def test_only_admins_invite(
    client: Client, client_for: Callable[[User], Client], viewer: User, developer: User
) -> None:
    assert client.post("/orgs/invitations").status_code == 302
    for user in (viewer, developer):
        response = client_for(user).post("/orgs/invitations", {"email": "new@example.org", "role": "admin"})
        assert response.status_code == 403
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_link_is_shown_once_and_kept_as_a_hash(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    client = client_for(admin)
    token = invite(client, "New@Example.ORG")
    invitation = Invitation.objects.get()
    assert (invitation.org, invitation.email, invitation.role) == (org, "New@example.org", "developer")
    assert invitation.invited_by == admin
    assert invitation.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert timedelta(days=6, hours=23) < invitation.expires_at - timezone.now() <= timedelta(days=7)
    page = client.get("/orgs/members").content.decode()
    assert "New@example.org" in page
    assert token not in page
    row = AuditLog.objects.get()
    assert (row.action, row.meta_json) == ("member.invited", {"email": "New@example.org", "role": "developer"})


@pytest.mark.django_db
def test_page_with_the_link_is_not_cached(client_for: Callable[[User], Client], admin: User) -> None:
    response = client_for(admin).post("/orgs/invitations", {"email": "new@example.org", "role": "viewer"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_is_mailed_only_if_there_is_a_mail_server(
    client_for: Callable[[User], Client], admin: User, settings: Any
) -> None:
    client = client_for(admin)
    invite(client)
    assert mail.outbox == []
    settings.EMAIL_URL = "smtp://mail.example.org"
    token = invite(client)
    assert mail.outbox[0].to == ["new@example.org"]
    assert mail.outbox[0].subject == "Acme invites you to PulseOps"
    assert f"http://localhost:8000/invite/{token}" in mail.outbox[0].body


@pytest.mark.django_db
def test_a_mail_server_that_is_down_does_no_harm(
    client_for: Callable[[User], Client], admin: User, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = client_for(admin).post("/orgs/invitations", {"email": "new@example.org", "role": "viewer"}).content.decode()
    assert "yourself, by whatever way you trust" in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "role", "field"),
    [
        ("", "viewer", "email"),
        ("x", "viewer", "email"),
        ("a@example.org", "owner", "role"),
        ("{member}", "viewer", "email"),
    ],
)
def test_wrong_input_is_told_on_the_page(
    client_for: Callable[[User], Client], admin: User, viewer: User, email: str, role: str, field: str
) -> None:
    email = email.format(member=viewer.email.upper())
    response = client_for(admin).post("/orgs/invitations", {"email": email, "role": role})
    assert response.status_code == 200
    assert response.context["invite_form"].errors[field]
    assert not Invitation.objects.exists()


@pytest.mark.django_db
def test_inviting_again_replaces_the_link(client_for: Callable[[User], Client], admin: User) -> None:
    client = client_for(admin)
    old, new = invite(client), invite(client, "NEW@example.org")
    assert Client().get(f"/invite/{old}").status_code == 410
    assert Client().get(f"/invite/{new}").status_code == 200


@pytest.mark.django_db
def test_revoking(client_for: Callable[[User], Client], admin: User, viewer: User, outsider: User) -> None:
    token = invite(client_for(admin))
    path = f"/orgs/invitations/{Invitation.objects.get().pk}/revoke"
    assert client_for(viewer).post(path).status_code == 403
    assert client_for(outsider).post(path).status_code == 404
    assert client_for(admin).get(path).status_code == 405
    assert client_for(admin).post(path)["location"] == "/orgs/members"
    assert Client().get(f"/invite/{token}").status_code == 410
    assert client_for(admin).post(path).status_code == 404
    assert AuditLog.objects.filter(action="invitation.revoked").count() == 1


@pytest.mark.django_db
def test_renewing_even_an_expired_one(
    client_for: Callable[[User], Client], admin: User, viewer: User, outsider: User
) -> None:
    old = invite(client_for(admin))
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    path = f"/orgs/invitations/{Invitation.objects.get().pk}/renew"
    assert client_for(viewer).post(path).status_code == 403
    assert client_for(outsider).post(path).status_code == 404
    found = LINK.search(client_for(admin).post(path).content.decode())
    assert found
    assert found[1] != old
    assert Client().get(f"/invite/{old}").status_code == 404
    assert Client().get(f"/invite/{found[1]}").status_code == 200
    assert AuditLog.objects.filter(action="invitation.renewed").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("url", "place"), [("/orgs/invitations", "/orgs/members"), ("/orgs/delete", "/orgs/settings")])
def test_a_form_with_mistakes_is_still_among_its_settings(
    admin: User, client_for: Callable[[User], Client], url: str, place: str
) -> None:
    html = client_for(admin).post(url, {}).content.decode()
    assert set(re.findall(r'href="([^"]+)" aria-current="page"', html)) == {place}
