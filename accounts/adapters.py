"""How allauth meets our accounts."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import throttles
from accounts.device_cookie import remember_device
from accounts.models import User
from accounts.preferences import start_url
from accounts.relying_party import relying_party_id
from accounts.signals import note_failed_sign_in_after_commit
from pulseops.core.config import encryption
from pulseops.core.web.correlation import client_address, current_origin

TWO_FACTOR = "two-factor secrets"  # what they are encrypted for
_WRONG = "The e-mail address or the password is not right."
_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."


class AccountAdapter(DefaultAccountAdapter):
    """allauth's account flows on our own users."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": _WRONG,
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "This is not your password.",
        "incorrect_code": "This code is not right. Codes change every 30 seconds.",
        "too_many_login_attempts": _TOO_MANY,
        "rate_limited": _TOO_MANY,
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that throttles count by; all share one where a Unix socket tells none."""
        return client_address(request) or "unknown"

    def is_safe_url(self, url: str | None) -> bool:
        """Let `next` lead to this host alone."""
        hosts = {self.request.get_host()}
        return url_has_allowed_host_and_scheme(url, allowed_hosts=hosts, require_https=self.request.is_secure())

    def is_ajax(self, request: HttpRequest) -> bool:
        """Never: forms are answered with pages."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Return whose password this is, or None; raises ValidationError after too many failures."""
        attempt = throttles.count_sign_in(request, credentials["email"])
        if attempt is None:
            raise self.validation_error("too_many_login_attempts")
        user = authenticate(request, **credentials)
        if user:
            attempt.take_back()
        else:
            self.authentication_failed(request, **credentials)
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Let the worker file the failure, so that no time returns whether there is such an account."""
        email = credentials["email"]
        if throttles.count_failure_row(request, email):
            origin = current_origin()
            note_failed_sign_in_after_commit(email, origin.address, origin.user_agent)

    def reauthenticate(self, user: User, password: str) -> bool:
        """Return whether `password` is that of `user`, who is signed in.

        The views count by user: anyone who fails to sign in as them, from wherever, cannot disturb them here.
        """
        return user.check_password(password)

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Return whether allauth is to ask; connecting a provider is asked for by our own page before it begins."""
        return app != "allauth.socialaccount"

    def login(self, request: Any, user: Any) -> None:
        """Sign in; the signal that follows has to know whether it is for the first time."""
        request.is_first_sign_in = user.last_login is None
        super().login(request, user)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Say no more to whom proved to be the owner of a deactivated account by other means than a password."""
        messages.error(request, "This account cannot sign in. Ask an admin.")
        return redirect("account_login")

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return where the user begins who has just signed in and was on the way to no page."""
        return start_url(request.user) if isinstance(request.user, User) else super().get_login_redirect_url(request)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Go on to where the user wanted to, in a browser that is theirs from now on."""
        response = super().post_login(request, user, **kwargs)
        remember_device(request, response, user)
        return response


class MfaAdapter(DefaultMFAAdapter):
    """allauth's second factor on our own users; its secrets are encrypted, so that a stolen table gives none."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whom passkeys are for: PUBLIC_URL's host, whatever host was asked."""
        return {"id": relying_party_id(), "name": settings.MFA_TOTP_ISSUER}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002 - allauth's name
        """Return how a passkey is called that its owner gave no name."""
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def get_totp_label(self, user: Any) -> str:
        return str(user.email)

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(TWO_FACTOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(TWO_FACTOR, encrypted_text)
