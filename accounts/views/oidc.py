"""Signing in by a provider, connecting one's account with it, and an organisation's own provider."""

from __future__ import annotations

import logging
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.core.exceptions import DisallowedRedirect, ImproperlyConfigured
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import IdentityProvider
from accounts.oidc import actions
from accounts.oidc.providers import Provider, find_provider, provider_of, site_provider
from accounts.oidc.turns import NoTurnError, turn
from accounts.org_forms import ProviderForm
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_admin, public

log = logging.getLogger(__name__)
_SALT = "accounts.connect-provider"
_PASS_SECONDS = 600
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
# What answers can bring about that allauth does not expect; ImproperlyConfigured is a subject that is too long.
_MALFORMED = (
    *(requests.RequestException, OAuth2Error, DataError, KeyError, ValueError, TypeError, AttributeError),
    *(RecursionError, ImproperlyConfigured, DisallowedRedirect),
)


class _Adapter(OpenIDConnectOAuth2Adapter):
    """allauth's, but the token's signature is always looked at, and its issuer is the one that was set."""

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        config, issuer = self.openid_config, str(app.settings["server_url"])
        if str(config["issuer"]).rstrip("/") != issuer:
            raise OAuth2Error("The provider says that it is another one.")
        with get_adapter().get_requests_session() as session:
            keys = session.get(config["jwks_uri"]).json()
        try:
            return _verified(id_token, keys, audience=app.client_id, issuer=config["issuer"])
        except jwt.PyJWTError as error:
            raise OAuth2Error(f"The token is not valid: {error}") from error


def _verified(token: str, keys: dict[str, Any], *, audience: str, issuer: str) -> dict[str, Any]:
    kid = jwt.get_unverified_header(token).get("kid")
    matches = [key for key in jwt.PyJWKSet.from_dict(keys).keys if kid in {None, key.key_id}]
    if len(matches) != 1:
        raise jwt.InvalidKeyError("no key, or more than one, may have signed it")
    claims: dict[str, Any] = jwt.decode(
        token,
        matches[0],
        algorithms=_ALGORITHMS,
        audience=audience,
        issuer=issuer,
        leeway=60,
        options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )
    return claims


@public
@require_safe
@never_cache
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Go to the provider, to sign in; or, with the pass of the page of connections, to connect this account."""
    _find(provider_id)
    is_connecting = _holds_pass(request, provider_id)
    query = {"process": "connect" if is_connecting else "login", "next": request.GET.get("next", "")}
    request.GET = QueryDict(urlencode(query))
    return _run(OAuth2LoginView, request, provider_id)


@public
@require_safe
@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Come back from the provider."""
    _find(provider_id)
    return _run(OAuth2CallbackView, request, provider_id)


def _run(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    provider = _find(provider_id)
    try:
        with turn(provider):
            response: HttpResponse = view.adapter_view(_Adapter(request, provider_id))(request)
    except NoTurnError:
        messages.error(request, f"{provider.name} answers slowly. Try again in a minute, or use your password.")
        return redirect("account_login")
    except _MALFORMED as error:
        log.warning("a provider's answer could not be used", extra={"provider": provider_id, "error": str(error)[:200]})
        messages.error(request, f"Signing in with {provider.name} did not work. Try again, or use your password.")
        return redirect("account_login")
    return response


def _find(provider_id: str) -> Provider:
    provider = find_provider(provider_id)
    if provider is None:
        raise Http404
    return provider


@require_safe
def connections(request: Any) -> HttpResponse:
    """List what the reader's account is connected to, and what it could be."""
    accounts = list(SocialAccount.objects.filter(user=request.user).order_by("date_joined"))
    known = {provider.id: provider for provider in _offered(request)}
    rows = [{"account": each, "name": _name(each, known)} for each in accounts]
    taken = {each.provider for each in accounts}
    open_to_connect = [provider for key, provider in known.items() if key not in taken]
    values = {"rows": rows, "providers": open_to_connect, "has_password": request.user.has_usable_password()}
    return render(request, "accounts/connections.html", values)


def _offered(request: Any) -> list[Provider]:
    orgs = [membership.org_id for membership in request.memberships]
    rows = IdentityProvider.objects.filter(org__in=orgs, enabled=True).select_related("org").order_by("org__name")
    site = site_provider()
    return [*([site] if site else []), *map(provider_of, rows)]


def _name(account: SocialAccount, known: dict[str, Provider]) -> str:
    provider = known.get(account.provider) or find_provider(account.provider)
    return provider.name if provider else "a provider that is gone"


@require_POST
@reauthenticated
def connect(request: Any, provider_id: str) -> HttpResponse:
    """Show the way to the provider.

    It is a link with a pass, not a redirect: browsers let no form of ours lead elsewhere, and no page of anyone else's
    shall connect an identity to the reader's account.
    """
    provider = _find(provider_id)
    token = signing.dumps([str(request.user.pk), provider_id], salt=_SALT)
    query = urlencode({"connect": token, "next": reverse("accounts:connections")})
    url = f"{reverse('openid_connect_login', args=[provider_id])}?{query}"
    return render(request, "accounts/connect.html", {"provider": provider, "url": url})


def _holds_pass(request: HttpRequest, provider_id: str) -> bool:
    token = request.GET.get("connect", "")
    if not token:
        return False
    try:
        held = signing.loads(token, salt=_SALT, max_age=_PASS_SECONDS)
    except signing.BadSignature as error:
        raise Http404 from error
    if held != [str(request.user.pk), provider_id]:
        raise Http404
    return True


@require_POST
@reauthenticated
def disconnect(request: Any, account_id: int) -> HttpResponse:
    """Let an identity sign in no more; not the last way in."""
    account = get_object_or_404(SocialAccount, user=request.user, pk=account_id)
    others = SocialAccount.objects.filter(user=request.user).exclude(pk=account.pk)
    if not (request.user.has_usable_password() or others.exists()):
        messages.error(request, "This is your only way in. Set a password first, by “Forgot your password?”.")
        return redirect("accounts:connections")
    name = _name(account, {})
    actions.disconnect(actor=request.user, account=account, name=name)
    messages.success(request, f"{name} is disconnected.")
    return redirect("accounts:connections")


@require_http_methods(["GET", "POST"])
@org_admin
@reauthenticated
def org_provider(request: OrgRequest) -> HttpResponse:
    """Show and set the organisation's own provider."""
    row = IdentityProvider.objects.filter(org=request.org).first()
    form = ProviderForm(request.POST or None, provider=row)
    if request.method == "POST" and form.is_valid():
        secret = form.cleaned_data.pop("client_secret")
        actions.save_provider(actor=request.user, org=request.org, values=form.cleaned_data, client_secret=secret)
        messages.success(request, "The provider is saved.")
        return redirect("accounts:org_provider")
    path = reverse("openid_connect_login", args=[row.pk.hex]) if row else ""
    values = {"form": form, "provider": row, "sign_in_url": f"{settings.PUBLIC_URL}{path}"}
    values["callback_url"] = f"{values['sign_in_url']}/callback"
    return render(request, "accounts/org_provider.html", values)


@require_POST
@org_admin
@reauthenticated
def org_provider_delete(request: OrgRequest) -> HttpResponse:
    """Remove the organisation's provider with all connections to it."""
    if actions.delete_provider(actor=request.user, org=request.org):
        messages.success(request, "The provider is removed. No member signs in with it any more.")
    return redirect("accounts:org_provider")
