"""Invitations are made, taken back and accepted; the link's token exists outside the link only as its SHA-256."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.actions.users import add_user, new_user, prove_address
from accounts.audit.record import record
from accounts.models import AuditLog, Invitation, Membership, Org, Role, User, invitation_expiry
from accounts.queries import is_for, is_member
from accounts.quotas import claim
from accounts.throttles import count_mail_to

log = logging.getLogger(__name__)


class InvitationGoneError(Exception):
    """The invitation was used, taken back, or has expired; or its organisation was deleted."""


class NotForThemError(Exception):
    """The invitation is bound to another address."""


def hash_token(token: str) -> str:
    """Return the hex SHA-256 of a link's token, as the table keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


class TooManyInvitationsError(ValidationError):
    """The organisation has made as many links in the last 24 hours as settings.INVITATIONS_PER_DAY lets it."""

    def __init__(self) -> None:
        limit = settings.INVITATIONS_PER_DAY
        super().__init__(
            f"An organisation can make {limit} invitation links in 24 hours. Try again later.", code="quota"
        )


def invite(*, actor: User, org: Org, email: str, role: Role) -> tuple[Invitation, str]:
    """Offer `role` to an address; returns the invitation and its token, which is nowhere else.

    With a mail server the token is empty: the worker makes one and mails it, so that who has a link reads mail at the
    address. An earlier invitation of the same address that is still pending gives way. Raises
    TooManyInvitationsError and QuotaError.
    """
    email = User.objects.normalize_email(email)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        _lock_org(org)
        claim(org, "members")
        pending = Invitation.objects.for_org(org).pending().filter(email__iexact=email)
        pending.update(revoked_at=timezone.now())
        invitation = Invitation.objects.create(
            org=org, email=email, role=role, token_hash=hash_token(token), invited_by=actor
        )
        _record(actor, invitation, "member.invited")
        _mail(invitation)
    return invitation, "" if settings.EMAIL_URL else token


def renew_invitation(*, actor: User, invitation: Invitation) -> str:
    """Give a pending or expired invitation a new link and seven more days; the old link dies. Returns the token.

    With a mail server that is empty, as for a new invitation. Raises TooManyInvitationsError, and QuotaError for one
    that had expired and so had no place any more.
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = _lock(invitation)
        _check_rate(invitation.org)
        if invitation.accepted_at or invitation.revoked_at:
            raise InvitationGoneError
        if not invitation.is_pending:
            claim(invitation.org, "members")
        invitation.token_hash = hash_token(token)
        invitation.expires_at = invitation_expiry()
        invitation.mailed_at, invitation.mail_problem = None, ""
        invitation.save(update_fields=["token_hash", "expires_at", "mailed_at", "mail_problem"])
        _record(actor, invitation, "invitation.renewed")
        _mail(invitation)
    return "" if settings.EMAIL_URL else token


def mail_invitation(invitation: Invitation) -> None:
    """Give a pending invitation the link that its address shall have, and mail it; called by the worker.

    What is in the way stands on the invitation, for the organisation's admins.
    """
    if not invitation.is_pending:
        return
    token = secrets.token_urlsafe(32)
    invitation.token_hash = hash_token(token)
    invitation.save(update_fields=["token_hash"])
    invitation.mail_problem = _try_to_mail(invitation, token)
    invitation.mailed_at = None if invitation.mail_problem else timezone.now()
    invitation.save(update_fields=["mailed_at", "mail_problem"])


def _try_to_mail(invitation: Invitation, token: str) -> str:
    if invitation.org.suspended_at:
        return "The organisation is suspended."
    if not count_mail_to(invitation.email):
        return f"{settings.MAILS_PER_ADDRESS} mails went to this address within a day, and no more do."
    try:
        mail.send_invitation(invitation, token)
    except (OSError, SMTPException):
        log.exception("invitation could not be mailed", extra={"invitation_id": str(invitation.pk)})
        return "The mail server did not take it."
    return ""


def _mail(invitation: Invitation) -> None:
    if settings.EMAIL_URL:
        mail.invitation_after_commit(invitation)


def revoke_invitation(*, actor: User, invitation: Invitation) -> None:
    """Take an invitation back; its link dies. Raises InvitationGoneError when it was accepted already."""
    with transaction.atomic():
        invitation = _lock(invitation)
        if invitation.accepted_at:
            raise InvitationGoneError
        if invitation.revoked_at is None:
            invitation.revoked_at = timezone.now()
            invitation.save(update_fields=["revoked_at"])
            _record(actor, invitation, "invitation.revoked")


def accept_invitation(*, actor: User, invitation: Invitation) -> Membership:
    """Make `actor` a member with the role that was offered; raises InvitationGoneError and NotForThemError."""
    with transaction.atomic():
        invitation = _lock(invitation)
        if not invitation.is_pending:
            raise InvitationGoneError
        if not is_for(invitation, actor):
            raise NotForThemError
        return _join(actor, invitation)


def accept_by_signing_up(*, invitation: Invitation, name: str, password: str) -> User | None:
    """Make an account with the address invited and let it join; None when it has one. Raises InvitationGoneError."""
    user = new_user(name=name, email=invitation.email, password=password)
    with transaction.atomic():
        invitation = _lock(invitation)
        if not invitation.is_pending:
            raise InvitationGoneError
        if not add_user(user):
            return None
        record(actor=user, org=invitation.org, action="user.signed_up", resource=user)
        _join(user, invitation)
        return user


def _join(user: User, invitation: Invitation) -> Membership:
    if is_member(invitation.org, user):
        raise InvitationGoneError
    if settings.EMAIL_URL and invitation.mailed_at:
        prove_address(user)  # the link was nowhere but in the mail
    membership = Membership.objects.create(org=invitation.org, user=user, role=invitation.role)
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    meta = {"role": invitation.role, "email": user.email, "invitation_id": str(invitation.pk)}
    record(actor=user, org=invitation.org, action="member.joined", resource=membership, meta=meta)
    return membership


def _lock_org(org: Org) -> None:
    Org.objects.select_for_update(no_key=True).get(pk=org.pk)
    _check_rate(org)


def _check_rate(org: Org) -> None:
    """Raise TooManyInvitationsError; the caller holds the organisation's row, so two at once count one another."""
    made = AuditLog.objects.for_org(org).filter(
        action__in=("member.invited", "invitation.renewed"), created_at__gt=timezone.now() - timedelta(days=1)
    )
    if made.count() >= settings.INVITATIONS_PER_DAY:
        raise TooManyInvitationsError


def _lock(invitation: Invitation) -> Invitation:
    # The organisation's row first, as for every change of its members; then one use is one use.
    Org.objects.select_for_update(no_key=True).get(pk=invitation.org_id)
    row = Invitation.objects.select_for_update(of=("self",)).select_related("org").filter(pk=invitation.pk).first()
    if row is None or row.org.deleted_at:
        raise InvitationGoneError
    return row


def _record(actor: User, invitation: Invitation, action: str) -> None:
    meta: dict[str, Any] = {"email": invitation.email, "role": invitation.role}
    record(actor=actor, org=invitation.org, action=action, resource=invitation, meta=meta)
