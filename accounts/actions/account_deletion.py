"""A person deletes their own account. Its row stays, closed and under another address, for the audit log's sake."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.audit.record import record_about
from accounts.models import Invitation, Membership, Org, PendingAddress, User
from accounts.queries import only_admin_of
from pulseops.core.db.advisory_locks import transaction_lock


class StillNeededError(Exception):
    """Organisations would be left without an admin: `orgs`; if that is empty, the installation without superuser."""

    def __init__(self, orgs: list[Org]) -> None:
        self.orgs = orgs
        super().__init__("The account is still needed.")


def delete_account(*, actor: User) -> None:
    """Take `actor` out of every organisation, end all that lets them in, and free their address.

    What they did stays, under their name; so does what they shared. Raises StillNeededError.
    """
    with transaction.atomic():
        _keep_admins(actor)
        before = actor.email
        meta = {"name": actor.display_name, "email": before}
        record_about(actor, actor=actor, action="user.deleted", meta=meta)
        Membership.objects.filter(user=actor).delete()
        Authenticator.objects.filter(user=actor).delete()
        SocialAccount.objects.filter(user=actor).delete()
        PendingAddress.objects.filter(user=actor).delete()
        Invitation.objects.filter(invited_by=actor).pending().update(revoked_at=timezone.now())
        _close(actor)
        mail.notice_after_commit("Your account was deleted, as you asked.", to=before)


def _keep_admins(actor: User) -> None:
    # The organisations' rows first, as for every change of members, and always in the same order.
    mine = Org.objects.filter(memberships__user=actor).order_by("pk")
    list(mine.select_for_update(no_key=True, of=("self",)))
    if orgs := only_admin_of(actor):
        raise StillNeededError(orgs)
    transaction_lock("superusers")
    if actor.is_superuser and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=actor.pk).exists():
        raise StillNeededError([])


def _close(user: User) -> None:
    user.name = f"{user.display_name} (deleted)"
    user.email = f"{user.pk}@deleted.invalid"
    user.set_unusable_password()
    user.is_active = user.is_superuser = False
    user.email_verified_at = None
    user.deleted_at = timezone.now()
    user.save()  # ends every session
