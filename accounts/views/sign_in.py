"""The way in and out: what allauth leaves to us, or does otherwise than we want."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from allauth.account.views import LoginView, PasswordChangeView, PasswordResetFromKeyView, PasswordResetView
from allauth.account.views import logout as allauth_logout
from allauth.core.ratelimit import respond_429
from allauth.decorators import rate_limit
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import throttles
from accounts.actions import users
from accounts.actions.addresses import ask_to_sign_up
from accounts.forms import SignUpForm
from accounts.preferences import start_url
from accounts.queries import SignUp, sign_up_state
from accounts.relying_party import offers_passkeys
from accounts.tenancy import enter, public

CHECK_MAIL = "Open the link that we have sent to {email}: then your account is ready. The link works for a day."
READY = "Your account is ready: sign in. If you already had one with this address, its password has not changed."


class _SignInView(LoginView):
    """allauth's; the page says whether one can sign up, and offers passkeys where browsers know them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **kwargs, sign_up_is_open=sign_up_state() is not SignUp.CLOSED, offers_passkeys=offers_passkeys()
        )


sign_in = public(_SignInView.as_view())


@public
@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_post_parameters("password")
@rate_limit(action="signup")
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make the first account, or, where sign-up is open, ask for a link that makes one.

    The first is signed in at once. Where a link is mailed nothing is, so that an address that has an account already is
    answered like a free one.
    """
    if request.user.is_authenticated:
        return redirect(start_url(request.user))
    state = sign_up_state()
    if state is SignUp.CLOSED:
        return _closed(request)
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _sign_up_first(request, form) if state is SignUp.FIRST else _ask_to_sign_up(request, form)
    return _sign_up_page(request, form, is_first=state is SignUp.FIRST)


def _sign_up_first(request: HttpRequest, form: SignUpForm) -> HttpResponse:
    try:
        user = users.sign_up_first(**form.account())
    except users.SignUpClosedError:
        return _closed(request)
    except users.AddressTakenError as error:
        form.add_error("email", error)
        return _sign_up_page(request, form, is_first=True)
    perform_login(request, user)
    enter(request)
    messages.success(request, "Your account is ready, and you run this installation.")
    return redirect("services:create")


def _ask_to_sign_up(request: HttpRequest, form: SignUpForm) -> HttpResponse:
    account = form.account()
    ask_to_sign_up(**account)
    messages.success(request, CHECK_MAIL.format(**account))
    return redirect("account_login")


def _sign_up_page(request: HttpRequest, form: SignUpForm, *, is_first: bool) -> HttpResponse:
    return render(request, "account/signup.html", {"form": form, "is_first": is_first})


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "account/signup_closed.html", status=403)


# A link must not sign anyone out, so there is no page to GET.
sign_out = public(require_POST(allauth_logout))


class _ChangePasswordView(PasswordChangeView):
    success_url = reverse_lazy("account_change_password")


change_password = never_cache(_ChangePasswordView.as_view())


class _ResetView(PasswordResetView):
    """allauth's, but counted by the account that an address names, not by its spelling."""

    def form_valid(self, form: Any) -> HttpResponse:
        if not throttles.count_reset(self.request, form.cleaned_data["email"]):
            return respond_429(self.request)
        form.save(self.request)
        return redirect(self.get_success_url())


ask_for_reset_link = public(_ResetView.as_view())


class _SetNewPasswordView(PasswordResetFromKeyView):
    """allauth's, but it ends on the sign-in page: a link from a mail does not make the second factor needless."""

    success_url = reverse_lazy("account_login")

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        throttles.forgive_failures(self.request, form.user.email)
        if self.request.user.is_authenticated:
            logout(self.request)  # the new password has ended this session with all the others
        return response


set_new_password = public(never_cache(_SetNewPasswordView.as_view()))
