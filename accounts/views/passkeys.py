"""Passkeys: allauth's views, where they are to lead elsewhere or to answer otherwise."""

from __future__ import annotations

from typing import Any

from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.core.internal.ratelimit import consume_or_429
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal import auth, flows
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.relying_party import offers_passkeys
from accounts.tenancy import public


class _ListView(webauthn.ListWebAuthnView):
    ordering = ("created_at", "pk")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_full = len(self.object_list) >= settings.PASSKEYS_PER_USER
        return super().get_context_data(**kwargs, offers_passkeys=offers_passkeys(), is_full=is_full)

    def get_queryset(self) -> Any:
        return super().get_queryset().order_by(*self.ordering)


passkeys = never_cache(_ListView.as_view())


class _SignInView(webauthn.LoginWebAuthnView):
    """allauth's, but a script gets its challenge without saying that it is one, and `next` is kept."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.accepts("application/json") or request.accepts("text/html"):
            return HttpResponseRedirect(reverse("account_login"))
        # Each makes a session, so challenges are counted as the answers to them are; allauth counts no GET.
        too_many = consume_or_429(request, app="allauth.mfa", action="webauthn_login", limit_get=True)
        return too_many or JsonResponse({"request_options": auth.begin_authentication(user=None)})

    def form_valid(self, form: Any) -> HttpResponse:
        factor = form.cleaned_data["credential"]
        login = Login(user=factor.user, redirect_url=get_next_redirect_url(self.request))
        answer: HttpResponse = flows.perform_passwordless_login(self.request, factor, login)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        return _back(self.request, "account_login", form)


sign_in_by_passkey = public(never_cache(_SignInView.as_view()))


class _ReauthenticateView(webauthn.ReauthenticateWebAuthnView):
    """allauth's, but a passkey that is not right leads to the same page again."""

    def form_invalid(self, form: Any) -> HttpResponse:
        return _back(self.request, "mfa_reauthenticate_webauthn", form)


reauthenticate_by_passkey = never_cache(_ReauthenticateView.as_view())


def _back(request: HttpRequest, name: str, form: Any) -> HttpResponse:
    for message in form.errors.get("credential", []):
        messages.error(request, message)
    target = get_next_redirect_url(request)
    return HttpResponseRedirect(reverse(name) + (f"?{urlencode({'next': target})}" if target else ""))
