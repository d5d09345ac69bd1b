from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import AuditLog, Invitation, Membership, Org, Session, User
from accounts.tasks import purge_deleted_orgs
from services.models import Service
from tests.accounts.conftest import Working
from tests.support.factories import make_service


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/orgs/settings", "/orgs/delete"])
def test_only_admins_may(
    client: Client, client_for: Callable[[User], Client], viewer: User, developer: User, path: str
) -> None:
    assert client.post(path).status_code == 302
    for user in (viewer, developer):
        assert client_for(user).post(path, {"name": "Mine", "confirm": "Acme"}).status_code == 403
    assert Org.objects.get().deleted_at is None


@pytest.mark.django_db
def test_renames(client_for: Callable[[User], Client], admin: User, org: Org) -> None:
    client = client_for(admin)
    assert client.get("/orgs/settings").context["form"].initial["name"] == "Acme"
    for _ in range(2):
        assert client.post("/orgs/settings", {"name": "Acme Ltd"})["location"] == "/orgs/settings"
    org.refresh_from_db()
    assert org.name == "Acme Ltd"
    assert AuditLog.objects.get().meta_json == {"from": "Acme", "to": "Acme Ltd"}


@pytest.mark.django_db
def test_other_organisations_are_out_of_reach(client_for: Callable[[User], Client], outsider: User, org: Org) -> None:
    client_for(outsider).post("/orgs/settings", {"name": "Renamed", "org": str(org.pk)})
    org.refresh_from_db()
    assert org.name == "Acme"


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["", "acme", "Acme Ltd"])
def test_deleting_needs_the_name(client_for: Callable[[User], Client], admin: User, org: Org, typed: str) -> None:
    response = client_for(admin).post("/orgs/delete", {"confirm": typed})
    assert response.status_code == 200
    assert response.context["delete_form"].errors["confirm"]
    org.refresh_from_db()
    assert org.deleted_at is None


@pytest.mark.django_db
def test_deleting_takes_everything(
    client_for: Callable[[User], Client],
    admin: User,
    viewer: User,
    outsider: User,
    org: Org,
    working: Working,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_service(org)
    Invitation.objects.create(org=org, email="x@example.org", role="viewer", token_hash="x")
    colleague, boss = client_for(viewer), client_for(admin)
    for client in (colleague, boss):
        client.post("/orgs/switch", {"org": str(org.pk)})
    boss.post("/orgs/settings", {"name": "Acme Ltd"})
    with caplog.at_level(logging.WARNING, "accounts"), working():
        assert boss.post("/orgs/delete", {"confirm": "Acme Ltd"})["location"] == "/orgs"
    assert not Org.objects.filter(pk=org.pk).exists()
    assert [service.name for service in Service.objects.all()] == ["other"]
    assert not Membership.objects.filter(user__in=[admin, viewer]).exists()
    assert not Session.objects.exclude(active_org=None).exists()
    assert colleague.get("/orgs/members")["location"] == "/orgs"
    (row,) = AuditLog.objects.all()
    assert (row.action, row.org, row.actor_user, row.resource_id) == ("org.deleted", None, admin, str(org.pk))
    record = next(record for record in caplog.records if record.message == "organisation deleted")
    assert record.__dict__["org_id"] == str(org.pk)
    assert record.__dict__["org_name"] == "Acme Ltd"


@pytest.mark.django_db
def test_a_deleted_organisation_is_gone_before_the_job_ran(
    client_for: Callable[[User], Client], admin: User, org: Org
) -> None:
    client = client_for(admin)
    client.post("/orgs/delete", {"confirm": "Acme"})
    org.refresh_from_db()
    assert org.deleted_at
    assert client.get("/orgs").context["memberships"] == []
    assert purge_deleted_orgs() == {"purged": [str(org.pk)]}


@pytest.mark.django_db
def test_other_methods_are_refused(client_for: Callable[[User], Client], admin: User) -> None:
    assert client_for(admin).delete("/orgs/settings").status_code == 405
    assert client_for(admin).get("/orgs/delete").status_code == 405
