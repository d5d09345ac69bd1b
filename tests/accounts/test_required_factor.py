"""An organisation, or the installation, can ask for a second factor before it shows anything."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditLog, Membership, Org, Role, User
from tests.support.sign_in import signed_in

pytestmark = pytest.mark.django_db
SETUP = "/account/2fa"


@pytest.fixture
def strict(org: Org) -> Org:
    org.requires_two_factor = True
    org.save()
    return org


def with_factor(user: User) -> User:
    TOTP.activate(user, generate_totp_secret())
    return user


def test_an_admin_switches_it_on_and_off(org: Org, admin: User, viewer: User) -> None:
    client = signed_in(with_factor(admin))
    assert "1 of them has none now" in client.get("/orgs/settings").content.decode()
    client.post("/orgs/security", {"requires_two_factor": "on"})
    org.refresh_from_db()
    assert org.requires_two_factor
    assert signed_in(viewer).get("/dashboard")["Location"] == SETUP
    client.post("/orgs/security", {})
    assert signed_in(viewer).get("/dashboard").status_code == 200
    actions = AuditLog.objects.filter(action__startswith="org.two_factor").order_by("id")
    assert [row.action for row in actions] == ["org.two_factor_required", "org.two_factor_optional"]


@pytest.mark.parametrize("path", ["/dashboard", "/logs", "/services", "/orgs/members", "/settings/audit", "/incidents"])
def test_nothing_of_the_organisation_is_shown_before(strict: Org, admin: User, path: str) -> None:
    client = signed_in(admin)
    assert client.get(path)["Location"] == SETUP
    assert client.get(path, headers={"HX-Request": "true"})["HX-Redirect"] == SETUP
    page = client.get(SETUP).content.decode()
    assert "Acme asks every member for a second factor." in page


def test_a_user_who_has_one_goes_on(strict: Org, viewer: User) -> None:
    client = signed_in(viewer)
    assert client.get("/dashboard")["Location"] == SETUP
    with_factor(viewer)
    assert client.get("/dashboard").status_code == 200
    assert "asks every member" not in client.get(SETUP).content.decode()


def test_another_organisation_stays_open(strict: Org, outsider: User) -> None:
    other = outsider.memberships.get().org
    Membership.objects.create(org=strict, user=outsider, role=Role.VIEWER)
    client = signed_in(outsider)
    assert client.get("/dashboard").status_code == 200
    assert client.get(f"/dashboard?org={strict.pk}", follow=True).redirect_chain[-1] == (SETUP, 302)
    assert client.get(f"/dashboard?org={other.pk}", follow=True).status_code == 200


def test_switching_it_is_for_admins(org: Org, developer: User, client: Client) -> None:
    assert signed_in(developer).post("/orgs/security", {"requires_two_factor": "on"}).status_code == 403


def test_it_costs_no_query(org: Org, viewer: User) -> None:
    client = signed_in(viewer)
    client.get("/services")
    with CaptureQueriesContext(
        connection,
    ) as open_to_all:
        client.get("/services")
    with_factor(viewer)
    Org.objects.filter(pk=org.pk).update(requires_two_factor=True)
    with CaptureQueriesContext(connection) as strict:
        assert client.get("/services").status_code == 200
    assert len(strict) == len(open_to_all)


def test_superusers_by_a_setting(org: Org, admin: User, settings: Any) -> None:
    User.objects.filter(pk=admin.pk).update(is_superuser=True)
    client = signed_in(admin)
    assert client.get("/admin/").status_code == 200
    settings.SUPERUSERS_NEED_TWO_FACTOR = True
    assert client.get("/admin/", follow=True).redirect_chain[-1] == (SETUP, 302)
    assert client.get("/dashboard")["Location"] == SETUP
    assert "This installation asks superusers" in client.get(SETUP).content.decode()
    with_factor(admin)
    assert client.get("/admin/").status_code == 200
    assert client.get("/dashboard").status_code == 200
