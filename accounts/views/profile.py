"""One's own name and address."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actions import users
from accounts.forms import EmailForm, ProfileForm


@require_http_methods(["GET", "POST"])
def profile(request: Any) -> HttpResponse:
    """Show and change the reader's name."""
    form = ProfileForm(request.POST or None, initial={"name": request.user.name})
    if request.method == "POST" and form.is_valid():
        users.rename_user(actor=request.user, name=form.cleaned_data["name"])
        messages.success(request, "Your name is changed.")
        return redirect("accounts:profile")
    return _page(request, form, EmailForm())


@require_POST
@sensitive_post_parameters("password")
def email(request: Any) -> HttpResponse:
    """Change the reader's address, if the password shows that it is they who ask."""
    if too_many := ratelimit.consume_or_429(request, action="reauthenticate", user=request.user):
        return too_many
    form = EmailForm(request.POST)
    if form.is_valid() and _change_email(request, form):
        messages.success(request, "Your address is changed: sign in with it from now on.")
        return redirect("accounts:profile")
    return _page(request, ProfileForm(initial={"name": request.user.name}), form)


def _change_email(request: Any, form: EmailForm) -> bool:
    data = form.cleaned_data
    if not request.user.check_password(data["password"]):
        form.add_error("password", get_adapter().validation_error("incorrect_password"))
        return False
    try:
        users.change_email(actor=request.user, email=data["email"])
    except users.AddressTakenError as error:
        form.add_error("email", error)
        return False
    return True


def _page(request: Any, form: ProfileForm, email_form: EmailForm) -> HttpResponse:
    return render(request, "accounts/profile.html", {"form": form, "email_form": email_form})
