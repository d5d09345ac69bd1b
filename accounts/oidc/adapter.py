"""How allauth meets providers: who may sign in by one, and as whom. Requests to them go by the guarded client."""

from __future__ import annotations

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import Membership, User
from accounts.oidc import actions
from accounts.oidc.http import GuardedSession
from accounts.oidc.providers import KIND, Provider, find_provider
from accounts.queries import user_by_email

_LONGEST_UID = 191  # characters; the column holds no more
log = logging.getLogger(__name__)
_FAILED = "Signing in with {name} did not work. Try again, or use your password."
_UNKNOWN = (
    "No account here is connected to this one of {name}. Sign in with your password, and connect it under your account."
)


class OidcAdapter(DefaultSocialAccountAdapter):
    """An identity belongs to the account that connected it, or to the one whose address its provider speaks for."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """Return the one provider that is asked for by its id; there is no list of them."""
        result = find_provider(str(provider)) if provider and provider != KIND else None
        return [result.as_app()] if result else []

    def get_requests_session(self) -> GuardedSession:
        """Return what requests to a provider are made with."""
        return GuardedSession()

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let in who is known, connect whose address is proved, refuse everybody else."""
        if sociallogin.is_existing and not sociallogin.user.is_active:
            raise self._refusal(request, _FAILED, find_provider(sociallogin.account.provider))
        if not _agree(sociallogin.account) or len(sociallogin.account.uid) > _LONGEST_UID:
            raise self._refusal(request, _FAILED, find_provider(sociallogin.account.provider))
        if sociallogin.is_existing or sociallogin.state.get("process") == "connect":
            return
        provider = find_provider(sociallogin.account.provider)
        claims = claims_of(sociallogin.account)
        email = proved_address(provider, claims) if provider else ""
        if not provider or not email:
            raise self._refusal(request, _UNKNOWN, provider)
        user = user_by_email(email)
        if user is None:
            return  # goes on to save_user
        if not user.is_active:
            raise self._refusal(request, _FAILED, provider)
        if not is_opened_by_address(user, provider):
            raise self._refusal(request, _UNKNOWN, provider)
        actions.connect_by_address(user=user, provider=provider, sociallogin=sociallogin, request=request)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Always: pre_social_login lets no one through whose address is not proved."""
        return True

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """Make the account of someone whom a provider speaks for."""
        provider = find_provider(sociallogin.account.provider)
        assert provider is not None
        return actions.sign_up_by_provider(
            provider=provider, claims=claims_of(sociallogin.account), sociallogin=sociallogin, request=request
        )

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        """Return to the page that the connection was begun from."""
        return reverse("accounts:connections")

    def on_authentication_error(self, request: HttpRequest, provider: Any, *_: Any, **details: Any) -> None:
        """Go back to the sign-in page, and say that it did not work; the log says why."""
        log.warning("signing in by a provider failed", extra={"error": str(details.get("exception") or "")[:200]})
        raise self._refusal(request, _FAILED, find_provider(getattr(provider.app, "provider_id", "")))

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Never: our own mails tell of connections."""

    def _refusal(self, request: HttpRequest, text: str, provider: Provider | None) -> ImmediateHttpResponse:
        messages.error(request, text.format(name=provider.name if provider else "the provider"))
        to = "accounts:connections" if request.user.is_authenticated else "account_login"
        return ImmediateHttpResponse(redirect(to))


def claims_of(account: Any) -> dict[str, Any]:
    """Return what the provider says: of the user, by its userinfo endpoint, over what stands in the signed token."""
    data = account.extra_data if isinstance(account.extra_data, dict) else {}
    token, userinfo = data.get("id_token") or {}, data.get("userinfo") or {}
    return {**token, **userinfo}


def _agree(account: Any) -> bool:
    """Return whether both of the provider's answers are about the same subject, as they must (OpenID Connect 5.3.2)."""
    data = account.extra_data if isinstance(account.extra_data, dict) else {}
    subjects = {part.get("sub") for part in (data.get("id_token"), data.get("userinfo")) if isinstance(part, dict)}
    return len(subjects) == 1


def proved_address(provider: Provider, claims: dict[str, Any]) -> str:
    """Return the address that the provider says is verified and that it speaks for; "" if there is none."""
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True or len(email) > 254:
        return ""
    return email.strip() if is_address(email.strip()) and provider.speaks_for(email.strip()) else ""


def is_address(text: str) -> bool:
    """Return whether `text` could be typed into a form as an e-mail address."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def is_opened_by_address(user: User, provider: Provider) -> bool:
    """Return whether `provider` gets into an account that never connected it, by its address alone.

    An organisation's provider does where there is nothing but that organisation to get into: its admins, who can let it
    say anything, must not get into other organisations, or the installation, as one of theirs.
    """
    if provider.org is None:
        return True
    elsewhere = Membership.objects.filter(user=user, org__deleted_at=None).exclude(org=provider.org)
    return not user.is_superuser and not elsewhere.exists()
