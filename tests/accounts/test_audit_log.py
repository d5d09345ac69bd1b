from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import AuditLog, Invitation, Org, User
from accounts.tasks import trim_audit_log, trim_invitations
from pulseops.core.models import CronRun
from pulseops.core.web.correlation import correlated


def row(org: Org | None = None, *, days_old: float = 0, action: str = "x.done", **fields: Any) -> AuditLog:
    made = timezone.now() - timedelta(days=days_old)
    return AuditLog.objects.create(org=org, action=action, resource_type="x", created_at=made, **fields)


@pytest.mark.django_db
def test_row_says_who_what_and_from_which_request(admin: User, org: Org) -> None:
    with correlated("the-correlation-id"):
        made = record(actor=admin, org=org, action="org.renamed", resource=org, meta={"to": "Acme"})
    made.refresh_from_db()
    assert (made.actor_user, made.org, made.action) == (admin, org, "org.renamed")
    assert (made.resource_type, made.resource_id, made.meta_json) == ("org", str(org.pk), {"to": "Acme"})
    assert made.correlation_id == "the-correlation-id"


@pytest.mark.django_db
def test_rows_are_neither_changed_nor_deleted(org: Org) -> None:
    made = row(org)
    made.action = "x.undone"
    for act in (made.save, made.delete, lambda: AuditLog.objects.update(action="y"), AuditLog.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert AuditLog.objects.get().action == "x.done"


@pytest.mark.django_db
def test_retention_deletes_what_is_older_and_is_recorded(org: Org, settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 30
    kept, _, _ = row(org, days_old=29.9), row(org, days_old=30.1), row(days_old=400)
    assert trim_audit_log() == {"deleted": 2}
    assert list(AuditLog.objects.all()) == [kept]
    assert CronRun.objects.get(job_name="trim_audit_log").status == "success"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        kept.delete()


@pytest.mark.django_db
def test_zero_keeps_forever(org: Org, settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 0
    row(org, days_old=9999)
    assert trim_audit_log() == {"deleted": 0}
    assert AuditLog.objects.count() == 1


@pytest.mark.django_db
def test_old_invitations_go(org: Org) -> None:
    def made(name: str, **days_ago: float) -> None:
        times = {field: timezone.now() - timedelta(days=days) for field, days in days_ago.items()}
        Invitation.objects.create(org=org, email=name, role="viewer", token_hash=name, **times)

    made("pending")
    made("expired lately", expires_at=29)
    made("accepted lately", accepted_at=29)
    made("expired", expires_at=31)
    made("accepted", accepted_at=31)
    made("revoked", revoked_at=31)
    assert trim_invitations() == {"deleted": 3}
    assert set(Invitation.objects.values_list("email", flat=True)) == {"pending", "expired lately", "accepted lately"}
