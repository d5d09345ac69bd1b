from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AuditLog, Invitation, Membership, Org, Session, User
from accounts.tasks import purge_deleted_orgs
from services.models import Service
from tests.accounts.conftest import Working
from tests.support.factories import PASSWORD, make_service
from tests.support.sign_in import signed_in


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
    left = Org.objects.get(pk=org.pk)
    assert left.purged_at, "its row is kept for its audit log, and for superusers alone"
    assert not referring(left)
    assert [service.name for service in Service.objects.all()] == ["other"]
    assert not Membership.objects.filter(user__in=[admin, viewer]).exists()
    assert not Session.objects.exclude(active_org=None).exists()
    assert colleague.get("/orgs/members")["location"] == "/orgs"
    actions = AuditLog.objects.for_org(org).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["org.renamed", "org.deleted"]
    row = AuditLog.objects.get(org=None)
    assert (row.action, row.actor_user, row.resource_id) == ("org.deleted", admin, str(org.pk))
    record = next(record for record in caplog.records if record.message == "organisation deleted")
    assert record.__dict__["org_id"] == str(org.pk)
    assert record.__dict__["org_name"] == "Acme Ltd"


def referring(org: Org) -> list[str]:
    """The tables with rows of an organisation, its audit log apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name)"
            " WHERE column_name = 'org_id' AND table_type = 'BASE TABLE' AND table_name <> 'audit_logs'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE org_id = %s', [org.pk])
            found += [table] if cursor.fetchone()[0] else []
    return found


@pytest.mark.django_db
def test_what_is_left_of_an_organisation_goes_after_its_days(
    client_for: Callable[[User], Client], admin: User, org: Org, settings: Any
) -> None:
    client_for(admin).post("/orgs/delete", {"confirm": "Acme"})
    purge_deleted_orgs()
    root = signed_in(User.objects.create_superuser("root@example.org", PASSWORD))
    assert "org.deleted" in root.get("/admin/accounts/auditlog/", {"q": str(org.pk)}).content.decode()
    Org.objects.update(deleted_at=timezone.now() - timedelta(days=settings.AUDIT_DELETED_ORG_DAYS - 1))
    purge_deleted_orgs()
    assert AuditLog.objects.for_org(org).exists()
    Org.objects.update(deleted_at=timezone.now() - timedelta(days=settings.AUDIT_DELETED_ORG_DAYS))
    purge_deleted_orgs()
    assert not Org.objects.exists()
    assert not AuditLog.objects.exclude(org=None).exists()


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
