"""What the worker does for accounts: mails, and the end of what has expired."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import mail, user_agents
from accounts.actions.addresses import mail_address_link
from accounts.actions.invitations import mail_invitation
from accounts.audit.record import record_in
from accounts.models import AuditLog, Invitation, Org, OrgUsage, PendingAddress, Session
from accounts.queries import orgs_of, user_by_email
from accounts.throttles import count_mail_to
from pulseops.core.extensions import BEFORE_DELETE
from pulseops.core.jobs.allowed_tasks import worker_task
from pulseops.core.jobs.registry import Result, recorded_job

# The tables that refer to an organisation, by the database's own account; partitions go by their parents.
_REFERENCES = """
SELECT c.conrelid::regclass::text, a.attname
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
JOIN pg_class t ON t.oid = c.conrelid AND NOT t.relispartition
WHERE c.contype = 'f' AND c.confrelid = 'orgs'::regclass AND cardinality(c.conkey) = 1
    AND c.conrelid NOT IN ('audit_logs'::regclass, 'sessions'::regclass)
ORDER BY 1, 2
"""
_PURGE_SECONDS = 60  # half of what the worker gives a task
USAGE_KEPT = timedelta(days=31)
INVITATIONS_KEPT = timedelta(days=30)  # after they were accepted, taken back, or expired


@worker_task
def send_mail(template: str, to: str, context: dict[str, Any]) -> None:
    """Send one mail."""
    mail.send(template, to=to, **context)


@worker_task
def send_reset_link(email: str) -> None:
    """Mail the owner of the address, if there is one, a link that sets a new password."""
    mail.send_reset_link(email)


@worker_task
def send_invitation(invitation_id: str) -> None:
    """Mail an invitation the link that is made for it here."""
    invitation = Invitation.objects.select_related("org", "invited_by").filter(pk=invitation_id).first()
    if invitation and not invitation.org.deleted_at:
        mail_invitation(invitation)


@worker_task
def send_address_link(pending_id: str) -> None:
    """Mail the link that proves an address, or to its owner that someone tried to have it."""
    pending = PendingAddress.objects.select_related("user").filter(pk=pending_id).first()
    if pending and count_mail_to(pending.email):
        mail_address_link(pending)


@worker_task
def record_failed_sign_in(email: str, address: str | None, user_agent: str, at: str) -> None:
    """File in the organisations of the address's account that someone failed to sign in with it."""
    user = user_by_email(email)
    if user and not user.deleted_at:
        meta = {"email": user.email, "from_address": address, "browser": user_agents.name(user_agent)}
        record_in(
            orgs_of(user), actor=None, action="user.sign_in_failed", resource=user, meta=meta,
            at=datetime.fromisoformat(at),
        )  # fmt: skip


@recorded_job("trim_pending_addresses", every=timedelta(hours=1))
def trim_pending_addresses() -> Result:
    """Delete what was never confirmed within its day."""
    deleted, _ = PendingAddress.objects.filter(expires_at__lte=timezone.now()).delete()
    return {"deleted": deleted}


@recorded_job("trim_usage", every=timedelta(hours=24))
def trim_usage() -> Result:
    """Delete what organisations used in days and minutes that are long over."""
    deleted, _ = OrgUsage.objects.filter(period__lt=timezone.now() - USAGE_KEPT).delete()
    return {"deleted": deleted}


@recorded_job("trim_sessions", every=timedelta(hours=1))
def trim_sessions() -> Result:
    """Delete the sessions that have expired."""
    deleted, _ = Session.objects.filter(expires_at__lte=timezone.now()).delete()
    return {"deleted": deleted}


@recorded_job("trim_invitations", every=timedelta(hours=24))
def trim_invitations() -> Result:
    """Delete invitations that have been over for 30 days."""
    until = timezone.now() - INVITATIONS_KEPT
    over = Q(accepted_at__lt=until) | Q(revoked_at__lt=until) | Q(expires_at__lt=until)
    deleted, _ = Invitation.objects.filter(over).delete()
    return {"deleted": deleted}


@recorded_job("trim_audit_log", every=timedelta(hours=24))
def trim_audit_log() -> Result:
    """Delete audit rows older than AUDIT_RETENTION_DAYS; 0 keeps them forever."""
    days = settings.AUDIT_RETENTION_DAYS
    if not days:
        return {"deleted": 0}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL pulseops.audit_retention = 'on'")  # the trigger refuses a DELETE without it
        old = AuditLog.objects.filter(created_at__lt=timezone.now() - timedelta(days=days))
        deleted = old._raw_delete(old.db)
        cursor.execute("SET LOCAL pulseops.audit_retention = 'off'")
    return {"deleted": deleted}


@recorded_job("purge_deleted_orgs", every=timedelta(minutes=2))
def purge_deleted_orgs() -> Result:
    """Remove what belongs to organisations that were deleted, and after AUDIT_DELETED_ORG_DAYS their audit logs too.

    What one may have millions of goes first, in short transactions, for a minute; the next run goes on with the rest.
    """
    purged: list[str] = []
    until = time.monotonic() + _PURGE_SECONDS
    for org in Org.objects.exclude(deleted_at=None).filter(purged_at=None).order_by("deleted_at"):
        if not all(empty(org, until) for empty in BEFORE_DELETE):
            return {"purged": purged, "goes_on_with": str(org.pk)}
        _empty(org)
        purged.append(str(org.pk))
    kept_since = timezone.now() - timedelta(days=settings.AUDIT_DELETED_ORG_DAYS)
    for org in Org.objects.exclude(purged_at=None).filter(deleted_at__lte=kept_since):
        org.delete()
    return {"purged": purged}


@transaction.atomic
def _empty(org: Org) -> None:
    """Delete all that belongs to `org` but its audit log, which needs the row."""
    Session.objects.filter(active_org=org).update(active_org=None)  # the one reference without a cascade
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES)
        for table, column in cursor.fetchall():
            cursor.execute(f'DELETE FROM "{table}" WHERE "{column}" = %s', [org.pk])  # noqa: S608 - the catalog's names
    org.purged_at = timezone.now()
    org.save(update_fields=["purged_at"])
