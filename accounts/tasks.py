"""What the worker does for accounts: mails, and the end of what has expired."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import mail
from accounts.actions.addresses import mail_address_link
from accounts.actions.invitations import mail_invitation
from accounts.models import AuditLog, Invitation, Org, OrgUsage, PendingAddress, Session
from accounts.throttles import count_mail_to
from pulseops.core.extensions import BEFORE_DELETE
from pulseops.core.jobs.allowed_tasks import worker_task
from pulseops.core.jobs.registry import Result, recorded_job

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


def send_invitation(invitation_id: str) -> None:
    """Mail an invitation the link that is made for it here."""
    invitation = Invitation.objects.select_related("org", "invited_by").filter(pk=invitation_id).first()
    if invitation and not invitation.org.deleted_at:
        mail_invitation(invitation)


def send_address_link(pending_id: str) -> None:
    """Mail the link that proves an address, or to its owner that somebody tried to have it."""
    pending = PendingAddress.objects.select_related("user").filter(pk=pending_id).first()
    if pending and count_mail_to(pending.email):
        mail_address_link(pending)


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
    """Delete audit rows older than AUDIT_RETENTION_DAYS; 0 keeps them for ever."""
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
    """Remove the organisations that were deleted, and by the database's cascades all that belongs to them.

    What one may have millions of goes first, in short transactions, for a minute; the next run goes on with the rest.
    """
    purged: list[str] = []
    until = time.monotonic() + _PURGE_SECONDS
    for org in Org.objects.exclude(deleted_at=None).order_by("deleted_at"):
        if not all(empty(org, until) for empty in BEFORE_DELETE):
            return {"purged": purged, "goes_on_with": str(org.pk)}
        Session.objects.filter(active_org=org).update(active_org=None)  # the one reference without a cascade
        purged.append(str(org.pk))
        org.delete()
    return {"purged": purged}
