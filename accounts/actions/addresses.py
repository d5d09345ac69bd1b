"""Addresses are proved: who says that one is theirs is believed once the link that was mailed to it is opened.

Asking costs the same and answers the same for a free address and for one that has an account; only the mail differs,
and the worker writes that one.
"""

from __future__ import annotations

import hashlib
import secrets

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.actions.users import change_email, join_installation, new_user, prove_address
from accounts.models import PendingAddress, User
from accounts.queries import SignUp, is_address_taken, sign_up_state


class LinkGoneError(Exception):
    """The link was used or is too old, or what it is for is no longer possible: the address has an account by now."""


def hash_token(token: str) -> str:
    """Return the hex SHA-256 of a link's token, as the table keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


def ask_to_sign_up(*, name: str, email: str, password: str, org_name: str) -> None:
    """Keep what someone typed who wants an account, and let the worker mail a link to the address."""
    user = new_user(name=name, email=email, password=password)
    _ask(PendingAddress(email=user.email, name=user.name, org_name=org_name, password=user.password))


def ask_to_change_address(*, actor: User, email: str) -> None:
    """Let the worker mail a link to the address that `actor` wants to have, or wants to prove."""
    _ask(PendingAddress(email=User.objects.normalize_email(email), user=actor))


def _ask(pending: PendingAddress) -> None:
    with transaction.atomic():
        pending.save(force_insert=True)
        mail.address_link_after_commit(pending)


def mail_address_link(pending: PendingAddress) -> None:
    """Mail the link to the address, or, if it has an account, that someone tried; called by the worker."""
    if is_address_taken(pending.email, but_by=pending.user):
        mail.send(mail.ADDRESS_IS_TAKEN, to=pending.email)
        return
    token = secrets.token_urlsafe(32)
    pending.token_hash = hash_token(token)
    pending.save(update_fields=["token_hash"])
    mail.send_address_link(pending, token)


def confirm_sign_up(*, pending: PendingAddress, password: str) -> User | None:
    """Make the account and its organisation; None with another password than the one that was chosen.

    The password is what shows that who opens the link also is who signed up: else a stranger could sign up with an
    address, let its owner open the link, and have an account with it. Raises LinkGoneError.
    """
    if not check_password(password, pending.password):
        return None
    with transaction.atomic():
        pending = _lock(pending)
        if sign_up_state() is not SignUp.OPEN:
            raise LinkGoneError
        user = User(email=pending.email, name=pending.name, password=pending.password, email_verified_at=timezone.now())
        if not join_installation(user, org_name=pending.org_name):
            raise LinkGoneError
        pending.delete()
    return user


def confirm_change(*, actor: User, pending: PendingAddress) -> None:
    """Give `actor`, whose link it is, the address that was proved by it; raises LinkGoneError."""
    with transaction.atomic():
        pending = _lock(pending)
        if pending.user_id != actor.pk or is_address_taken(pending.email, but_by=actor):
            raise LinkGoneError
        change_email(actor=actor, email=pending.email)
        prove_address(actor)
        pending.delete()


def _lock(pending: PendingAddress) -> PendingAddress:
    row = PendingAddress.objects.select_for_update().filter(pk=pending.pk, expires_at__gt=timezone.now()).first()
    if row is None:
        raise LinkGoneError
    return row
