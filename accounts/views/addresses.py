"""The link that proves an address: of a new account, or of a new address of someone who is signed in."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.actions.addresses import LinkGoneError, confirm_change, confirm_sign_up, hash_token
from accounts.forms import ConfirmForm
from accounts.models import PendingAddress
from accounts.queries import pending_address
from accounts.tenancy import public
from accounts.throttles import count_confirmation


@public
@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_post_parameters("password")
def confirm(request: Any, token: str) -> HttpResponse:
    """Show what the link is for, and let anyone who asked for it confirm."""
    pending = pending_address(hash_token(token))
    if pending is None:
        return _gone(request, status=404)
    try:
        return _new_address(request, pending) if pending.user_id else _new_account(request, pending)
    except LinkGoneError:
        return _gone(request)


def _new_address(request: Any, pending: PendingAddress) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect_to_login(request.path, reverse("account_login"))
    if request.user.pk != pending.user_id:
        return render(request, "accounts/confirm_other.html", status=403)
    if request.method == "POST":
        confirm_change(actor=request.user, pending=pending)
        messages.success(request, "Your address is confirmed: sign in with it from now on.")
        return redirect("accounts:profile")
    return render(request, "accounts/confirm_address.html", {"pending": pending})


def _new_account(request: Any, pending: PendingAddress) -> HttpResponse:
    form = ConfirmForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        attempt = count_confirmation(request, str(pending.pk))
        user = attempt and confirm_sign_up(pending=pending, password=form.cleaned_data["password"])
        if user and attempt:
            attempt.take_back()
            return perform_login(request, user, redirect_url=reverse("services:create"))
        form.add_error("password", "This is not the password that was chosen." if attempt else "Too many attempts.")
    return render(request, "accounts/confirm_sign_up.html", {"pending": pending, "form": form})


def _gone(request: Any, *, status: int = 410) -> HttpResponse:
    return render(request, "accounts/confirm_gone.html", status=status)
