"""Members change their role, are removed, and leave; one admin always stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.audit.record import record
from accounts.models import Membership, Org, Role, Session, User
from pulseops.core.db.row_security import outside_the_wall
from pulseops.core.extensions import MEMBER_SECRETS

MOST_NAMED = 50  # revoked secrets in one audit row


class LastAdminError(Exception):
    """The organisation would be left without an admin."""


def change_role(*, actor: User, membership: Membership, role: Role) -> None:
    """Give a member another role; raises LastAdminError, and Membership.DoesNotExist when they are gone meanwhile."""
    with transaction.atomic():
        membership = _lock(membership)
        before = membership.role
        if before == role:
            return
        if before == Role.ADMIN:
            _keep_an_admin(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        _record(actor, membership, "member.role_changed", {"from": before, "to": str(role)})


def remove_member(*, actor: User, membership: Membership, revoke_secrets: bool = False) -> list[str]:
    """Take a member out of the organisation, at once; raises LastAdminError, and Membership.DoesNotExist.

    With `revoke_secrets` the API keys that they made end as well, and the webhook secrets that they have seen; returns
    the names of those.
    """
    with transaction.atomic():
        membership = _lock(membership)
        kinds = MEMBER_SECRETS if revoke_secrets else ()
        revoked = [
            each for kind in kinds for each in kind.revoke(actor=actor, org=membership.org, user=membership.user)
        ]
        _end(actor, membership, "member.removed", {"revoked": revoked[:MOST_NAMED]} if revoked else {})
    return revoked


def leave_org(*, actor: User, membership: Membership) -> None:
    """Let `actor` go out of the organisation of `membership`; raises LastAdminError, and Membership.DoesNotExist."""
    _end(actor, membership, "member.left")


def _end(actor: User, membership: Membership, action: str, meta: Mapping[str, Any] | None = None) -> None:
    with transaction.atomic():
        membership = _lock(membership)
        if membership.is_admin:
            _keep_an_admin(membership)
        _record(actor, membership, action, {"role": membership.role, **(meta or {})})
        with outside_the_wall("sessions are people's, not the organisation's"):
            Session.objects.filter(user=membership.user, active_org=membership.org).update(active_org=None)
        membership.delete()


def _lock(membership: Membership) -> Membership:
    # Anyone who changes members holds the organisation's row, so that two admins cannot demote each other at once. The
    # lock leaves inserts of rows that point at the organisation alone.
    Org.objects.select_for_update(no_key=True).get(pk=membership.org_id)
    return Membership.objects.select_related("user", "org").get(pk=membership.pk)


def _keep_an_admin(membership: Membership) -> None:
    others = Membership.objects.for_org(membership.org).filter(role=Role.ADMIN, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise LastAdminError


def _record(actor: User, membership: Membership, action: str, meta: dict[str, Any]) -> None:
    who = {"email": membership.user.email, "user_id": str(membership.user_id)}
    record(actor=actor, org=membership.org, action=action, resource=membership, meta={**who, **meta})


def ensure_admin(*, org: Org, user: User) -> None:
    """Make `user` an admin of `org`, for set-up by the operator of the machine."""
    Membership.objects.update_or_create(org=org, user=user, defaults={"role": Role.ADMIN})
