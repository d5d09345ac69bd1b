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

from accounts.actions import invitations as actions
from accounts.mail import plain_name as mail_plain_name
from accounts.models import AuditLog, Invitation, Org, Role, User
from tests.accounts.conftest import Working
from tests.support.factories import make_org, make_user
from tests.support.threads import at_once

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


@pytest.fixture
def has_mail(settings: Any) -> None:
    settings.EMAIL_URL = "smtp://mail.example.org"


@pytest.mark.django_db
def test_with_a_mail_server_the_link_is_nowhere_but_in_the_mail(
    client_for: Callable[[User], Client], admin: User, working: Working, has_mail: None
) -> None:
    client = client_for(admin)
    with working():
        response = client.post("/orgs/invitations", {"email": "new@example.org", "role": "developer"})
        assert mail.outbox == [], "nothing is sent within the request"
    assert response["location"] == "/orgs/members"
    assert not LINK.search(client.get("/orgs/members").content.decode())
    (message,) = mail.outbox
    assert message.to == ["new@example.org"]
    assert message.subject == "You are invited to PulseOps"
    found = LINK.search(message.body)
    assert found
    assert Client().get(f"/invite/{found[1]}").status_code == 200
    invitation = Invitation.objects.get()
    assert invitation.mailed_at
    with working():
        client.post(f"/orgs/invitations/{invitation.pk}/renew")
    assert len(mail.outbox) == 2
    assert Client().get(f"/invite/{found[1]}").status_code == 404


@pytest.mark.django_db
def test_what_the_mail_server_says_stands_on_the_page(
    client_for: Callable[[User], Client], admin: User, settings: Any, working: Working, has_mail: None
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    client = client_for(admin)
    with working():
        client.post("/orgs/invitations", {"email": "new@example.org", "role": "viewer"})
    assert "The mail server did not take it" in client.get("/orgs/members").content.decode()


@pytest.mark.django_db
def test_one_address_gets_three_invitations_a_day_from_all_organisations(
    client_for: Callable[[User], Client], admin: User, outsider: User, working: Working, has_mail: None
) -> None:
    for number in range(6):
        email = ("victim@example.org", "VICTIM@example.org")[number // 2 % 2]
        with working():
            client_for((admin, outsider)[number % 2]).post("/orgs/invitations", {"email": email, "role": "viewer"})
    assert len(mail.outbox) == 3
    assert "mails went to this address" in client_for(admin).get("/orgs/members").content.decode()


@pytest.mark.django_db
def test_an_organisation_makes_so_many_links_a_day(
    client_for: Callable[[User], Client], admin: User, settings: Any
) -> None:
    settings.INVITATIONS_PER_DAY = 3
    client = client_for(admin)
    for number in range(2):
        invite(client, f"{number}@example.org")
    path = f"/orgs/invitations/{Invitation.objects.earliest('created_at').pk}/renew"
    assert client.post(path).status_code == 200
    refused = client.post("/orgs/invitations", {"email": "4@example.org", "role": "viewer"})
    assert "3 invitation links in 24 hours" in str(refused.context["invite_form"].errors)
    assert client.post(path, follow=True).redirect_chain
    assert AuditLog.objects.filter(action__in=("member.invited", "invitation.renewed")).count() == 3


@pytest.mark.django_db(transaction=True)
def test_the_last_link_of_a_day_is_made_once(settings: Any) -> None:
    settings.INVITATIONS_PER_DAY = 1
    admin = make_user()
    org = make_org(admin=admin)
    outcomes = at_once(
        lambda: actions.invite(actor=admin, org=org, email="a@example.org", role=Role.VIEWER),
        lambda: actions.invite(actor=admin, org=org, email="b@example.org", role=Role.VIEWER),
    )
    assert [each for each in outcomes if each] == [actions.TooManyInvitationsError]
    assert Invitation.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "evil",
    [
        "Your invoice is due http://evil.example/pay",
        "evil.example",
        "www evil",
        "Call 0900 12345",
        "evil\uff0eexample/pay",
        "mail me at a@evil",
        "x" * 81,
        "[click](evil)",
        "tel:1",
    ],
)
def test_no_name_in_a_mail_is_a_link(evil: str) -> None:
    assert mail_plain_name(evil, "Somebody") == "Somebody"


@pytest.mark.parametrize("name", ["Acme Inc.", "Ann O'Neill", "Søren & Co", "Über GmbH", "Team 42", "日本"])
def test_ordinary_names_stand_in_mails(name: str) -> None:
    assert mail_plain_name(name, "Somebody") == name


@pytest.mark.django_db
def test_no_mail_holds_the_words_of_a_stranger(
    client_for: Callable[[User], Client], working: Working, has_mail: None
) -> None:
    stranger = make_user(name="Pay at evil.example")
    make_org("Your invoice is due http://evil.example/pay", admin=stranger)
    with working():
        client_for(stranger).post("/orgs/invitations", {"email": "new@example.org", "role": "viewer"})
    (message,) = mail.outbox
    assert "evil" not in message.subject + message.body
    assert "invoice" not in message.subject + message.body


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
def test_wrong_input_is_reported_on_the_page(
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
