"""One's own name and address."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import user_agents
from accounts.actions import users
from accounts.actions.account_deletion import StillNeededError, delete_account
from accounts.actions.addresses import ask_to_change_address
from accounts.forms import DeleteAccountForm, EmailForm, ProfileForm
from accounts.preferences import PreferencesForm
from accounts.queries import new_sessions, only_admin_of

NO_MAIL = "This installation sends no mail, so no new address can be confirmed. Ask its operator to change yours."
_SHOWN_DEVICES = 5


@require_http_methods(["GET", "POST"])
def profile(request: Any) -> HttpResponse:
    """Show and change the reader's name."""
    form = ProfileForm(request.POST or None, initial={"name": request.user.name})
    if request.method == "POST" and form.is_valid():
        users.rename_user(actor=request.user, name=form.cleaned_data["name"])
        messages.success(request, "Your name is changed.")
        return redirect("accounts:profile")
    return _page(request, form=form)


@require_POST
def preferences(request: Any) -> HttpResponse:
    """Keep where the reader begins and in which zone they see times."""
    form = PreferencesForm(request.POST, user=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Your preferences are kept.")
        return redirect("accounts:profile")
    return _page(request, preferences_form=form)


@require_POST
@sensitive_post_parameters("password")
def email(request: Any) -> HttpResponse:
    """Let the reader have another address, if the password shows that it is they who ask.

    It counts once the link is opened that is mailed to it, whether or not another account uses it: that is said by
    mail alone. Only another case of their own address counts at once.
    """
    if too_many := ratelimit.consume_or_429(request, action="reauthenticate", user=request.user):
        return too_many
    form = EmailForm(request.POST)
    if form.is_valid() and _change_email(request, form):
        return redirect("accounts:profile")
    return _page(request, email_form=form)


def _change_email(request: Any, form: EmailForm) -> bool:
    email, user = form.cleaned_data["email"], request.user
    if not user.check_password(form.cleaned_data["password"]):
        form.add_error("password", get_adapter().validation_error("incorrect_password"))
    elif users.is_same_address(email, user.email) and (user.email_verified_at or not settings.EMAIL_URL):
        users.change_email(actor=user, email=email)
        messages.success(request, "Your address is changed: sign in with it from now on.")
    elif settings.EMAIL_URL:
        ask_to_change_address(actor=user, email=email)
        messages.success(request, f"Open the link that we have sent to {email}: then it is your address.")
    else:
        form.add_error("email", NO_MAIL)
    return form.is_valid()


@require_http_methods(["GET", "POST"])
@reauthentication_required
def delete(request: Any) -> HttpResponse:
    """Delete the reader's account, once its address has been typed."""
    form = DeleteAccountForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            delete_account(actor=request.user)
        except StillNeededError:
            form.add_error(None, "You are the last superuser, or the last admin somewhere: name another first.")
        else:
            request.session.flush()
            messages.success(request, "Your account is deleted.")
            return redirect("landing")
    context = {
        "form": form,
        "orgs": only_admin_of(request.user),
        "memberships_left": len(request.memberships),
    }
    return render(request, "accounts/delete_account.html", context)


def _page(request: Any, **forms: Any) -> HttpResponse:
    """Show the page, of its forms those that are given with their errors."""
    new = new_sessions(request.user).exclude(pk=request.session.row.pk)[:_SHOWN_DEVICES]
    context = {
        "form": ProfileForm(initial={"name": request.user.name}),
        "email_form": EmailForm(),
        "preferences_form": PreferencesForm(user=request.user),
        **forms,
        "has_mail": bool(settings.EMAIL_URL),
        "new_devices": [{"row": row, "device": user_agents.name(row.user_agent)} for row in new],
    }
    return render(request, "accounts/profile.html", context)
