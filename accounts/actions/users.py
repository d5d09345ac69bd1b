"""People come, change their name, address and password, and are let in or kept out by the operator."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.audit.record import record, record_about
from accounts.models import Membership, Org, Role, User
from accounts.queries import SignUp, is_address_taken, sign_up_state
from pulseops.core.db.advisory_locks import transaction_lock


class SignUpClosedError(Exception):
    """The first account was made meanwhile, or no one signs up without an invitation here."""


class AddressTakenError(ValidationError):
    """Another account has this address, in whatever case."""

    def __init__(self) -> None:
        super().__init__("Another account uses this address.", code="address_taken")


def sign_up_first(*, name: str, email: str, password: str, org_name: str) -> User:
    """Make the installation's first account: a superuser, with an organisation that they are admin of.

    Of several at once one is the first; for the others this raises SignUpClosedError. Raises AddressTakenError, where
    the address is one of the demo's.
    """
    user = new_user(name=name, email=email, password=password)
    user.is_superuser = True
    with transaction.atomic():
        transaction_lock("first-account")
        if sign_up_state() is not SignUp.FIRST:
            raise SignUpClosedError
        if not join_installation(user, org_name=org_name):
            raise AddressTakenError
        mail.after_commit(mail.WELCOME, to=user.email)
    return user


def join_installation(user: User, *, org_name: str) -> bool:
    """Save a new user with an organisation of their own, in the caller's transaction; False: the address is taken."""
    _lock_address(user.email)
    if is_address_taken(user.email):
        return False
    user.save(force_insert=True)
    org = Org.objects.create(name=org_name)
    Membership.objects.create(org=org, user=user, role=Role.ADMIN)
    meta = {"superuser": True} if user.is_superuser else None
    record(actor=user, org=org, action="user.signed_up", resource=user, meta=meta)
    record(actor=user, org=org, action="org.created", resource=org, meta={"name": org.name})
    return True


def new_user(*, name: str, email: str, password: str) -> User:
    """Return a user who is not saved yet. Hashing the password takes a good part of a second: do it outside locks."""
    user = User(email=User.objects.normalize_email(email), name=name or None)
    user.set_password(password)
    return user


def add_user(user: User) -> bool:
    """Save a new user inside the caller's transaction; False when the address is taken, and its owner is notified."""
    _lock_address(user.email)
    if is_address_taken(user.email):
        mail.after_commit(mail.ADDRESS_IS_TAKEN, to=user.email)
        return False
    user.save(force_insert=True)
    return True


def change_password(*, actor: User, password: str) -> None:
    """Give `actor` a new password; all their sessions end, the current one must be renewed by the caller."""
    _set_password(actor, password, action="user.password_changed", notice="Your password was changed.")


def reset_password(*, user: User, password: str) -> None:
    """Give the owner of a reset link a new password; all their sessions end.

    The link was mailed, so the address is proved by it. An older second factor may be that of a stranger who used
    the address: it goes, or the owner would be asked for the stranger's code.
    """
    with transaction.atomic():
        if settings.EMAIL_URL and user.email_verified_at is None:
            prove_address(user)
            _drop_second_factor(user)
        _set_password(
            user, password, action="user.password_reset", notice="Your password was reset by a link from a mail."
        )


def prove_address(user: User) -> None:
    """Note that `user` has opened what was mailed to their address."""
    user.email_verified_at = timezone.now()
    user.save(update_fields=["email_verified_at"])


def _drop_second_factor(user: User) -> None:
    deleted, _ = Authenticator.objects.filter(user=user).delete()
    if deleted:
        meta = {"reason": "the address was proved for the first time"}
        record_about(user, actor=user, action="user.two_factor_disabled", meta=meta)


def _set_password(user: User, password: str, *, action: str, notice: str) -> None:
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        record_about(user, actor=user, action=action)
        mail.notice_after_commit(notice, to=user.email)


def rename_user(*, actor: User, name: str) -> None:
    """Change how `actor` is called; an empty name shows the address instead."""
    before, actor.name = actor.name, name or None
    if before == actor.name:
        return
    with transaction.atomic():
        actor.save(update_fields=["name"])
        meta = {"from": before, "to": actor.name}
        record_about(actor, actor=actor, action="user.renamed", meta=meta)


def change_email(*, actor: User, email: str) -> None:
    """Change the address that `actor` signs in with to one that they have proved, or to another case of their own.

    Raises AddressTakenError. The old address gets a mail about it.
    """
    before, email = actor.email, User.objects.normalize_email(email)
    if before == email:
        return
    with transaction.atomic():
        _lock_address(email)
        if is_address_taken(email, but_by=actor):
            raise AddressTakenError
        actor.email = email
        actor.save(update_fields=["email"])
        meta = {"from": before, "to": email}
        record_about(actor, actor=actor, action="user.email_changed", meta=meta)
        mail.notice_after_commit(f"The address of your account was changed to {email}.", to=before)


def note_password_set(*, actor: User, user: User) -> None:
    """File that a superuser has given `user` another password, or none, and notify them."""
    with transaction.atomic():
        meta = {"email": user.email, "as": "superuser"}
        record_about(user, actor=actor, action="user.password_set", meta=meta)
        mail.notice_after_commit("A superuser of the installation has set your password.", to=user.email)


def note_email_set(*, actor: User, user: User, before: str) -> None:
    """File that a superuser has given `user` another address, which no one has proved, and notify the old one."""
    with transaction.atomic():
        user.email_verified_at = None
        user.save(update_fields=["email_verified_at"])
        meta = {"from": before, "to": user.email, "as": "superuser"}
        record_about(user, actor=actor, action="user.email_changed", meta=meta)
        mail.notice_after_commit(f"A superuser has changed the address of your account to {user.email}.", to=before)


def deactivate_user(*, actor: User, user: User) -> None:
    """Keep `user` out: their sessions end at once, they cannot sign in, and all that they did stays."""
    _set_active(actor, user, is_active=False)


def reactivate_user(*, actor: User, user: User) -> None:
    """Let `user` sign in again."""
    _set_active(actor, user, is_active=True)


def _set_active(actor: User, user: User, *, is_active: bool) -> None:
    user.is_active = is_active
    action = "user.reactivated" if is_active else "user.deactivated"
    with transaction.atomic():
        user.save(update_fields=["is_active"])
        record_about(user, actor=actor, action=action, meta={"email": user.email, "as": "superuser"})


def is_same_address(one: str, other: str) -> bool:
    """Whether two addresses differ in case alone, as far as everybody agrees on what case is."""
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())


def _lock_address(email: str) -> None:
    # The unique constraint minds case, people do not: two sign-ups at once must not get Ann@… and ann@…
    transaction_lock(f"address:{email.strip().upper()}")
