"""Who is a member, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import queries
from accounts.actions.members import LastAdminError, remove_member
from accounts.actions.members import change_role as change_role_of
from accounts.models import Membership, Org, Role
from accounts.org_forms import InviteForm, RoleForm
from accounts.reauthentication import reauthenticated
from accounts.tenancy import OrgRequest, org_admin, org_member
from pulseops.core.extensions import MEMBER_SECRETS

_ON_PAGE, _LONGEST_WORDS = 40, 100
MOST_SHOWN = 8  # of a member's keys, say, in the dialog that removes them


@org_member
@require_safe
def members(request: OrgRequest) -> HttpResponse:
    """List the members; admins also see who was invited, and change both."""
    return members_page(request, InviteForm(org=request.org))


def members_page(request: OrgRequest, invite_form: InviteForm) -> HttpResponse:
    """Render the page with `invite_form`, which may hold what was typed wrongly."""
    words = request.GET.get("q", "")[:_LONGEST_WORDS].replace("\0", "").strip()
    page = Paginator(queries.members(request.org, words), _ON_PAGE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    if request.membership.is_admin:
        _add_secrets(request.org, found)
    context = {
        "members": found,
        "words": words,
        "has_many": bool(words) or page.paginator.num_pages > 1,
        "newer_url": _page_url(words, page.previous_page_number()) if page.has_previous() else "",
        "older_url": _page_url(words, page.next_page_number()) if page.has_next() else "",
        "invitations": queries.open_invitations(request.org) if request.membership.is_admin else (),
        "invite_form": invite_form,
        "roles": Role.choices,
        "has_mail": bool(settings.EMAIL_URL),
        "is_only_admin": request.membership.is_admin and queries.admin_count(request.org) == 1,
    }
    return render(request, "accounts/members.html", context)


def _page_url(words: str, number: int) -> str:
    return f"?{urlencode({'q': words, 'page': number} if words else {'page': number})}"


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
        revoked = remove_member(
            actor=request.user, membership=membership, revoke_secrets=request.POST.get("revoke") == "on"
        )
        more = f" {_listed(revoked)} no longer work{'s' if len(revoked) == 1 else ''}." if revoked else ""
        messages.success(request, f"{name} is no longer a member.{more}")
    return redirect("accounts:members")


def _add_secrets(org: Org, members: Sequence[Membership]) -> None:
    """Note on each member what they have made that works without them: (what it is, its first ones, how many more)."""
    by_kind = [(kind.noun, kind.of_members(org, [each.user_id for each in members])) for kind in MEMBER_SECRETS]
    for member in members:
        found = [(noun, secrets.get(member.user_id, ())) for noun, secrets in by_kind]
        member.secrets = [  # type: ignore[attr-defined]  # for the template
            (noun, each[:MOST_SHOWN], max(len(each) - MOST_SHOWN, 0)) for noun, each in found if each
        ]


def _listed(names: Sequence[str]) -> str:
    """Put names into a sentence that begins with them."""
    shown = ", ".join(names[:MOST_SHOWN]) + (f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else "")
    return shown[:1].upper() + shown[1:]


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
