"""The reader's organisations: which there are, which one is current, and one's settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import queries
from accounts.actions import orgs as actions
from accounts.actions.members import LastAdminError, leave_org
from accounts.models import Membership, Org
from accounts.org_forms import DeleteOrgForm, OrgForm
from accounts.quotas import QuotaError
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, activate, enter, org_admin
from pulseops.core.web.preferences import safe_next


@require_http_methods(["GET", "POST"])
def orgs(request: Any) -> HttpResponse:
    """List the reader's organisations with their roles; make another."""
    form = OrgForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (org := _create(request, form)):
        enter(request)
        activate(request, org)
        messages.success(request, f"{org.name} was created, and you are its admin.")
        return redirect("/")
    return render(request, "accounts/orgs.html", {"form": form})


def _create(request: Any, form: OrgForm) -> Org | None:
    """Make the organisation; None, and the form says why, when the reader has as many as they may, or made today."""
    if not ratelimit.consume(request, action="create_org", user=request.user):
        form.add_error("name", "You have made many organisations today. Try again tomorrow.")
        return None
    try:
        return actions.create_org(actor=request.user, name=form.cleaned_data["name"])
    except QuotaError as error:
        form.add_error("name", error)
        return None


@require_POST
def switch(request: Any) -> HttpResponse:
    """Make one of the reader's organisations the current one."""
    activate(request, _posted_membership(request).org)
    return redirect(safe_next(request))


@require_POST
def leave(request: Any) -> HttpResponse:
    """Go out of one of the reader's organisations."""
    membership = _posted_membership(request)
    try:
        leave_org(actor=request.user, membership=membership)
    except LastAdminError:
        messages.error(request, f"You are the last admin of {membership.org.name}: make another member an admin first.")
    else:
        messages.success(request, f"You have left {membership.org.name}.")
    return redirect("accounts:orgs")


def _posted_membership(request: Any) -> Membership:
    try:
        asked = UUID(request.POST.get("org", ""))
    except ValueError:
        raise Http404 from None
    for membership in request.memberships:
        if membership.org_id == asked:
            result: Membership = membership
            return result
    raise Http404


@org_admin
@require_http_methods(["GET", "POST"])
def settings_page(request: OrgRequest) -> HttpResponse:
    """Rename the organisation, and offer to delete it."""
    form = OrgForm(request.POST or None, initial={"name": request.org.name})
    if request.method == "POST" and form.is_valid():
        actions.rename_org(actor=request.user, org=request.org, name=form.cleaned_data["name"])
        messages.success(request, "The organisation is renamed.")
        return redirect("accounts:org_settings")
    return _settings(request, form, DeleteOrgForm(org=request.org))


@org_admin
@reauthenticated
@require_POST
def security(request: OrgRequest) -> HttpResponse:
    """Say whether members need a second factor."""
    required = request.POST.get("requires_two_factor") == "on"
    actions.require_two_factor(actor=request.user, org=request.org, required=required)
    said = "Members need a second factor from now on." if required else "Members need no second factor any more."
    messages.success(request, said)
    return redirect("accounts:org_settings")


@org_admin
@reauthenticated
@require_POST
def delete(request: OrgRequest) -> HttpResponse:
    """Delete the organisation and all that is in it, once its name has been typed."""
    form = DeleteOrgForm(request.POST, org=request.org)
    if not form.is_valid():
        return _settings(request, OrgForm(initial={"name": request.org.name}), form)
    actions.delete_org(actor=request.user, org=request.org)
    messages.success(request, f"{request.org.name} is deleted.")
    return redirect("accounts:orgs")


def _settings(request: OrgRequest, form: OrgForm, delete_form: DeleteOrgForm) -> HttpResponse:
    values = {"form": form, "delete_form": delete_form, "without_factor": queries.members_without_factor(request.org)}
    return render(request, "accounts/org_settings.html", values)
