"""What allauth does by itself, written into the audit log."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import user_logged_in
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from accounts import mail
from accounts.audit import record as audit
from accounts.models import User
from accounts.queries import home_org


@receiver(user_logged_in)
def _signed_in(user: User, **_: Any) -> None:
    _record(user, "user.signed_in")


@receiver(user_logged_out)
def _signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        _record(user, "user.signed_out")


@receiver(mfa.authenticator_added)
def _factor_added(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record(user, "user.two_factor_enabled")
        mail.notice_after_commit("Two-factor sign-in was switched on.", to=user.email)


@receiver(mfa.authenticator_removed)
def _factor_removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record(user, "user.two_factor_disabled")
        mail.notice_after_commit("Two-factor sign-in was switched off.", to=user.email)


@receiver(mfa.authenticator_reset)
def _recovery_codes_made(user: User, **_: Any) -> None:
    _record(user, "user.recovery_codes_made")
    mail.notice_after_commit("New recovery codes were created; the old ones no longer work.", to=user.email)


@receiver(mfa.authenticator_used)
def _recovery_code_used(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        _record(user, "user.recovery_code_used")


@receiver(mfa.authentication_failed)
def _factor_failed(user: User, **_: Any) -> None:
    _record(user, "user.two_factor_failed")


def _record(user: User, action: str) -> None:
    audit.record(actor=user, org=home_org(user), action=action, resource=user)
