"""Who is a member, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import queries
from accounts.actions.members import LastAdminError, remove_member
from accounts.actions.members import change_role as change_role_of
from accounts.forms import InviteForm, RoleForm
from accounts.models import Membership, Role
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_admin, org_member


@org_member
@require_safe
def members(request: OrgRequest) -> HttpResponse:
    """List the members; admins also see who was invited, and change both."""
    return members_page(request, InviteForm(org=request.org))


def members_page(request: OrgRequest, invite_form: InviteForm) -> HttpResponse:
    """Render the page with `invite_form`, which may hold what was typed wrongly."""
    context = {
        "members": queries.members(request.org),
        "invitations": queries.open_invitations(request.org) if request.membership.is_admin else (),
        "invite_form": invite_form,
        "roles": Role.choices,
        "has_mail": bool(settings.EMAIL_URL),
        "is_only_admin": request.membership.is_admin and queries.admin_count(request.org) == 1,
    }
    return render(request, "accounts/members.html", context)


@org_admin
@reauthenticated
@require_POST
def change_role(request: OrgRequest, membership_id: int) -> HttpResponse:
    """Give a member another role."""
    membership = _membership(request, membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    role, name = Role(form.cleaned_data["role"]), membership.user.display_name
    with _telling_why_not(request, name):
        change_role_of(actor=request.user, membership=membership, role=role)
        messages.success(request, f"{name} is {role.label.lower()} now.")
    return redirect("accounts:members")


@org_admin
@reauthenticated
@require_POST
def remove(request: OrgRequest, membership_id: int) -> HttpResponse:
    """Take a member out of the organisation."""
    membership = _membership(request, membership_id)
    name = membership.user.display_name
    with _telling_why_not(request, name):
        remove_member(actor=request.user, membership=membership)
        messages.success(request, f"{name} is no longer a member.")
    return redirect("accounts:members")


@contextmanager
def _telling_why_not(request: OrgRequest, name: str) -> Iterator[None]:
    """Say so where the member `name` has to stay as they are, or is gone by now."""
    try:
        yield
    except LastAdminError:
        messages.error(request, f"{name} is the last admin: make another member an admin first.")
    except Membership.DoesNotExist:
        messages.info(request, f"{name} is no longer a member.")


def _membership(request: OrgRequest, membership_id: int) -> Membership:
    return get_object_or_404(Membership.objects.for_org(request.org).select_related("user"), pk=membership_id)
