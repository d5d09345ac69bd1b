"""Inviting, and accepting an invitation by its link."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import mail, queries
from accounts.actions import invitations as actions
from accounts.forms import JoinForm
from accounts.models import Invitation, Role
from accounts.org_forms import InviteForm
from accounts.quotas import QuotaError
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, activate, enter, org_admin, public
from accounts.views.members import members_page
from accounts.views.sign_in import READY


@org_admin
@reauthenticated
@require_POST
@never_cache
def invite(request: OrgRequest) -> HttpResponse:
    """Invite an address; without a mail server show the link, this once."""
    form = InviteForm(request.POST, org=request.org)
    if not form.is_valid():
        return members_page(request, form)
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        invitation, token = actions.invite(actor=request.user, org=request.org, email=email, role=role)
    except (actions.TooManyInvitationsError, QuotaError) as error:
        form.add_error("email", error)
        return members_page(request, form)
    return _show_link(request, invitation, token)


@org_admin
@reauthenticated
@require_POST
@never_cache
def renew(request: OrgRequest, invitation_id: UUID) -> HttpResponse:
    """Give an invitation a new link; without a mail server show it, this once."""
    invitation = _open_invitation(request, invitation_id)
    try:
        token = actions.renew_invitation(actor=request.user, invitation=invitation)
    except actions.InvitationGoneError:
        messages.info(request, "That invitation has already ended.")
        return redirect("accounts:members")
    except (actions.TooManyInvitationsError, QuotaError) as error:
        messages.error(request, error.message)
        return redirect("accounts:members")
    invitation.refresh_from_db()
    return _show_link(request, invitation, token)


@org_admin
@reauthenticated
@require_POST
def revoke(request: OrgRequest, invitation_id: UUID) -> HttpResponse:
    """Take an invitation back."""
    invitation = _open_invitation(request, invitation_id)
    try:
        actions.revoke_invitation(actor=request.user, invitation=invitation)
    except actions.InvitationGoneError:
        messages.info(request, f"{invitation.email} has accepted already.")
    else:
        messages.success(request, f"The invitation of {invitation.email} is revoked.")
    return redirect("accounts:members")


def _open_invitation(request: OrgRequest, invitation_id: UUID) -> Invitation:
    return get_object_or_404(queries.open_invitations(request.org), pk=invitation_id)


def _show_link(request: OrgRequest, invitation: Invitation, token: str) -> HttpResponse:
    if settings.EMAIL_URL:
        messages.success(request, f"The invitation is on its way to {invitation.email}.")
        return redirect("accounts:members")
    context = {"invitation": invitation, "link": mail.absolute(reverse("accounts:invitation", args=[token]))}
    return render(request, "accounts/invitation_made.html", context)


@public
@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_post_parameters("password")
def invitation(request: Any, token: str) -> HttpResponse:
    """Show an invitation to the one who holds its link, and let the one it is for join."""
    row = Invitation.objects.filter(token_hash=actions.hash_token(token)).select_related("org", "invited_by").first()
    if row is None or row.org.deleted_at:
        return _dead_end(request, "unknown", 404)
    if request.user.is_authenticated and queries.is_member(row.org, request.user):
        return _already_in(request, row)
    if not row.is_pending:
        return _dead_end(request, _end_of(row), 410)
    try:
        return _for_reader(request, row) if request.user.is_authenticated else _for_stranger(request, row)
    except actions.InvitationGoneError:  # used or taken back while the form was open
        return _dead_end(request, "over", 410)


def _for_reader(request: Any, found: Invitation) -> HttpResponse:
    if not queries.is_for(found, request.user):
        return render(request, "accounts/invitation_other.html", {"invitation": found})
    if request.method == "POST":
        membership = actions.accept_invitation(actor=request.user, invitation=found)
        return _welcome(request, membership.org)
    return render(request, "accounts/invitation_join.html", {"invitation": found})


def _for_stranger(request: Any, found: Invitation) -> HttpResponse:
    sign_in_url = f"{reverse('account_login')}?{urlencode({'next': request.path})}"
    form = JoinForm(request.POST or None, invited=found.email)
    if request.method == "POST":
        if too_many := ratelimit.consume_or_429(request, action="signup"):
            return too_many
        if form.is_valid():
            return _sign_up(request, found, form, sign_in_url)
    context = {"invitation": found, "form": form, "sign_in_url": sign_in_url}
    return render(request, "accounts/invitation_sign_up.html", context)


def _sign_up(request: Any, found: Invitation, form: JoinForm, sign_in_url: str) -> HttpResponse:
    data = form.cleaned_data
    user = actions.accept_by_signing_up(invitation=found, name=data["name"], password=data["password"])
    if user is None:
        messages.success(request, READY)
        return redirect(sign_in_url)
    perform_login(request, user)
    return _welcome(request, found.org)


def _welcome(request: Any, org: Any) -> HttpResponse:
    enter(request)
    activate(request, org)
    messages.success(request, f"Welcome to {org.name}.")
    return redirect("/")


def _already_in(request: Any, found: Invitation) -> HttpResponse:
    activate(request, found.org)
    messages.info(request, f"You are a member of {found.org.name} already.")
    return redirect("/")


def _end_of(found: Invitation) -> str:
    if found.accepted_at:
        return "used"
    return "revoked" if found.revoked_at else "expired"


def _dead_end(request: Any, why: str, status: int) -> HttpResponse:
    return render(request, "accounts/invitation_over.html", {"why": why}, status=status)
