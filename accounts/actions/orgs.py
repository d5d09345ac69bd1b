"""Organisations are made, renamed and deleted."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import Invitation, Membership, Org, Role, Session, User
from accounts.quotas import claim_org
from pulseops.core.db.row_security import outside_the_wall
from pulseops.core.jobs.queue import enqueue_after_commit

log = logging.getLogger(__name__)


def create_org(*, actor: User, name: str) -> Org:
    """Create an organisation with `actor` as its admin; raises QuotaError."""
    with transaction.atomic():
        claim_org(actor)
        org = Org.objects.create(name=name)
        Membership.objects.create(org=org, user=actor, role=Role.ADMIN)
        record(actor=actor, org=org, action="org.created", resource=org, meta={"name": name})
    return org


def rename_org(*, actor: User, org: Org, name: str) -> None:
    """Change what `org` is called."""
    with transaction.atomic():
        org = Org.objects.select_for_update(no_key=True).get(pk=org.pk)
        before, org.name = org.name, name
        if before == name:
            return
        org.save(update_fields=["name"])
        record(actor=actor, org=org, action="org.renamed", resource=org, meta={"from": before, "to": name})


def delete_org(*, actor: User, org: Org) -> None:
    """Take `org` from everybody at once; a job removes what was in it, for that may be millions of rows.

    Its audit log stays for AUDIT_DELETED_ORG_DAYS, for superusers; that it was deleted stands in a row without
    organisation and in our own log, too.
    """
    with transaction.atomic():
        org = Org.objects.select_for_update(no_key=True).get(pk=org.pk)
        members, _ = Membership.objects.for_org(org).delete()
        Invitation.objects.for_org(org).delete()
        with outside_the_wall("sessions are people's, not the organisation's"):
            Session.objects.filter(active_org=org).update(active_org=None)
        org.deleted_at = timezone.now()
        org.save(update_fields=["deleted_at"])
        meta = {"name": org.name, "members": members}
        for each in (org, None):  # its own log is kept for a while, the other row as long as all
            record(actor=actor, org=each, action="org.deleted", resource=org, meta=meta)
        enqueue_after_commit("accounts.tasks.purge_deleted_orgs")
    log.warning(
        "organisation deleted", extra={"org_id": str(org.pk), "org_name": org.name, "actor_user_id": str(actor.pk)}
    )


@transaction.atomic
def require_two_factor(*, actor: User, org: Org, required: bool) -> bool:
    """Close `org` to members without a second factor, or open it to them; returns whether that changed anything."""
    if not Org.objects.filter(pk=org.pk, requires_two_factor=not required).update(requires_two_factor=required):
        return False
    action = "org.two_factor_required" if required else "org.two_factor_optional"
    record(actor=actor, org=org, action=action, resource=org, meta={"name": org.name})
    return True


def suspend_org(*, actor: User, org: Org, reason: str) -> None:
    """Let `org` rest: its pages say why, its keys are refused, its rules and messages wait. For superusers."""
    _set_suspended(actor, org, timezone.now(), reason, "org.suspended")


def resume_org(*, actor: User, org: Org) -> None:
    """End the suspension of `org`; what waited goes on."""
    _set_suspended(actor, org, None, "", "org.resumed")


def _set_suspended(actor: User, org: Org, at: datetime | None, reason: str, action: str) -> None:
    with transaction.atomic():
        org = Org.objects.select_for_update(no_key=True).get(pk=org.pk)
        if bool(org.suspended_at) == bool(at):
            return
        org.suspended_at, org.suspended_reason = at, reason
        org.save(update_fields=["suspended_at", "suspended_reason"])
        meta = {"name": org.name, "as": "superuser", **({"reason": reason} if reason else {})}
        record(actor=actor, org=org, action=action, resource=org, meta=meta)
