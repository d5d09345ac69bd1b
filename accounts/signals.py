"""What allauth does by itself, written into the audit log."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import user_logged_in
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount.signals import social_account_added
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.utils import timezone

from accounts import mail
from accounts.actions.sessions import end_other_sessions, end_surplus_sessions, note_new_device
from accounts.audit.record import record_about
from accounts.device_cookie import is_known_device
from accounts.models import User
from accounts.oidc.actions import connected, join_by_provider
from accounts.oidc.adapter import claims_of, proved_address
from accounts.oidc.providers import find_provider
from accounts.second_factor import factors_of
from pulseops.core.jobs.queue import enqueue_after_commit


@receiver(user_logged_in)
def _signed_in(user: User, request: Any, sociallogin: Any = None, **_: Any) -> None:
    _record(user, "user.signed_in")
    if row := request.session.row:
        end_surplus_sessions(user=user, keep=row)
    if sociallogin is not None and (provider := find_provider(sociallogin.account.provider)):
        claims = claims_of(sociallogin.account)
        join_by_provider(user=user, provider=provider, claims=claims, address=proved_address(provider, claims))
    if not getattr(request, "is_first_sign_in", False) and not is_known_device(request, user):
        note_new_device(user=user, session=request.session.row)


@receiver(social_account_added)
def _connected(sociallogin: Any, **_: Any) -> None:
    if provider := find_provider(sociallogin.account.provider):
        connected(user=sociallogin.user, provider=provider)


@receiver(user_logged_out)
def _signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        _record(user, "user.signed_out")


@receiver(mfa.authenticator_added)
def _factor_added(user: User, authenticator: Authenticator, request: Any = None, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record(user, "user.two_factor_enabled")
        if row := getattr(getattr(request, "session", None), "row", None):
            end_other_sessions(actor=user, keep=row)  # none of them has shown a second factor
        mail.notice_after_commit("Two-factor sign-in was switched on.", to=user.email)
    elif authenticator.type == Authenticator.Type.WEBAUTHN:
        _record(user, "user.passkey_added", name=authenticator.wrap().name)
        is_first = not factors_of(user).exclude(pk=authenticator.pk).exists()
        if is_first and (row := getattr(getattr(request, "session", None), "row", None)):
            end_other_sessions(actor=user, keep=row)
        mail.notice_after_commit("A passkey was added.", to=user.email)


@receiver(mfa.authenticator_removed)
def _factor_removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.TOTP:
        _record(user, "user.two_factor_disabled")
        mail.notice_after_commit("Two-factor sign-in by an authenticator app was switched off.", to=user.email)
    elif authenticator.type == Authenticator.Type.WEBAUTHN:
        _record(user, "user.passkey_removed", name=authenticator.wrap().name)
        mail.notice_after_commit("A passkey was removed.", to=user.email)


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


def note_failed_sign_in_after_commit(email: str, address: str | None, user_agent: str) -> None:
    """Let the worker file that someone failed to sign in as `email`, if there is such an account."""
    now = timezone.now().isoformat()
    task = "accounts.tasks.record_failed_sign_in"
    enqueue_after_commit(task, email, address, user_agent, now)


def _record(user: User, action: str, **meta: str) -> None:
    record_about(user, actor=user, action=action, meta=meta or None)
