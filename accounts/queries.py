"""What pages and other apps ask of accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from enum import Enum
from uuid import UUID

from django.conf import settings
from django.db.models import Count, DateTimeField, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, UUIDField
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import Invitation, Membership, Org, PendingAddress, Role, Session, User
from accounts.second_factor import factors_of
from pulseops.core.db.compiled_rows import CompiledRows, Parameter


class SignUp(Enum):
    """Who may make an account with an organisation of its own: the first person, everybody, no one."""

    FIRST = "first"
    OPEN = "open"
    CLOSED = "closed"


def sign_up_state() -> SignUp:
    """Return who may sign up now, without an invitation, by settings.SIGNUP.

    Without a mail server no one can prove an address, so beyond the first account no one signs up by themselves.
    """
    if settings.SIGNUP == "open" and settings.EMAIL_URL:
        return SignUp.OPEN
    if settings.SIGNUP == "invited" or User.objects.filter(is_demo=False).exists():
        return SignUp.CLOSED
    return SignUp.FIRST


def user_by_email(email: str) -> User | None:
    """Return the account of this address: the one spelt exactly so, else the only one that differs in case alone."""
    email = email.strip()
    matches = list(User.objects.filter(email__iexact=email)[:2])
    exact = [user for user in matches if user.email == email] or list(User.objects.filter(email=email))
    if exact:
        return exact[0]
    return matches[0] if len(matches) == 1 else None


def is_address_taken(email: str, *, but_by: User | None = None) -> bool:
    """Return whether an account other than `but_by` has this address, in whatever case."""
    rows = User.objects.filter(email__iexact=email.strip())
    return rows.exclude(pk=but_by.pk).exists() if but_by else rows.exists()


def orgs_of(user: User) -> list[Org]:
    """Return the organisations that `user` is in, the longest first: what befalls their account is filed in each."""
    rows = Membership.objects.filter(user=user).select_related("org").order_by("created_at", "org_id")
    return [membership.org for membership in rows]


def suspended_org_ids() -> list[UUID]:
    """Return the organisations that rest: nothing is evaluated or sent for them."""
    return [org.pk for org in _SUSPENDED.fetch()]


_SUSPENDED = CompiledRows(lambda: Org.objects.exclude(suspended_at=None).only("pk"))


def is_member(org: Org, user: User) -> bool:
    return Membership.objects.for_org(org).filter(user=user).exists()


def role_in(org: Org, user: User) -> Role | None:
    """Return the role of `user` in `org`, None for an outsider."""
    membership = Membership.objects.for_org(org).filter(user=user, user__is_active=True).first()
    return Role(membership.role) if membership else None


def sessions_alive(hashes: Collection[str]) -> set[tuple[str, UUID]]:
    """Return (hash of the session's key, organisation) of each of these sessions that may see pages of it now."""
    rows = Session.objects.filter(
        session_token_hash__in=hashes,
        expires_at__gt=timezone.now(),
        user__is_active=True,
        user__memberships__org__suspended_at=None,
    )
    return set(rows.values_list("session_token_hash", "user__memberships__org_id"))


def users_of(org: Org) -> QuerySet[User]:
    """Return the members' accounts by address."""
    return User.objects.filter(memberships__org=org).order_by("email")


def live_orgs() -> QuerySet[Org]:
    """Return the organisations that are not deleted, the oldest first."""
    return Org.objects.filter(deleted_at=None).order_by("created_at", "id")


def has_colleagues() -> Exists:
    """Annotates organisations: whether they have more than one member."""
    of_org = Membership.objects.filter(org=OuterRef("pk")).order_by().values("org")
    return Exists(of_org.annotate(count=Count("*")).filter(count__gt=1))


def org_names(ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the names of organisations by their ids."""
    return dict(Org.objects.filter(pk__in=ids).values_list("pk", "name"))


def annotated_org(**expressions: BaseExpression) -> QuerySet[Org]:
    """Return, to be compiled, the organisation `org_id` with what `expressions`, which other apps make, come to."""
    return Org.objects.filter(pk=Parameter("org_id", UUIDField())).annotate(**expressions)


def all_org_ids() -> list[UUID]:
    """Return every organisation of the installation, for jobs that go through all."""
    return list(Org.objects.values_list("pk", flat=True))


def has_orgs() -> bool:
    """Return whether there is any organisation."""
    return Org.objects.exists()


def has_other_orgs(org_id: UUID) -> bool:
    """Return whether there is an organisation besides this one that is not suspended."""
    return live_orgs().filter(suspended_at=None).exclude(pk=org_id).exists()


def members(org: Org, words: str = "") -> QuerySet[Membership]:
    """Return the members whose name or address holds `words`, with their users, admins first.

    Each has `seen_at` (UTC or None) and `has_two_factor`.
    """
    sessions = Session.objects.filter(user=OuterRef("user")).order_by().values("user")
    last_session = Subquery(sessions.annotate(at=Max("last_seen_at")).values("at"), output_field=DateTimeField())
    rows = Membership.objects.for_org(org).select_related("user")
    if words:
        rows = rows.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))
    return rows.annotate(
        seen_at=Greatest(last_session, "user__last_login"),
        has_two_factor=Exists(factors_of(OuterRef("user"))),
    ).order_by(
        "role", "created_at", "user__email", "pk"
    )  # the roles' names sort as the roles do: admin, developer, viewer


def members_without_factor(org: Org) -> int:
    """Count the members who have no second factor."""
    return Membership.objects.for_org(org).exclude(Exists(factors_of(OuterRef("user")))).count()


def admin_count(org: Org) -> int:
    """Count the admins who can sign in."""
    return Membership.objects.for_org(org).filter(role=Role.ADMIN, user__is_active=True).count()


def admin_emails(org: Org) -> list[str]:
    """Return the addresses of the admins, the longest member first."""
    admins = Membership.objects.for_org(org).filter(role=Role.ADMIN).order_by("created_at", "user_id")
    return list(admins.values_list("user__email", flat=True))


def only_admin_of(user: User) -> list[Org]:
    """Return the organisations in which `user` is the only admin who can sign in."""
    mine = Membership.objects.filter(user=user, role=Role.ADMIN).values("org")
    admins = Membership.objects.filter(org=OuterRef("pk"), role=Role.ADMIN, user__is_active=True).exclude(user=user)
    return list(Org.objects.filter(pk__in=mine).exclude(Exists(admins)).order_by("name"))


def open_invitations(org: Org) -> QuerySet[Invitation]:
    """Return the invitations that are neither accepted nor taken back, expired ones too, newest first."""
    rows = Invitation.objects.for_org(org).filter(accepted_at=None, revoked_at=None)
    return rows.select_related("invited_by").order_by("-created_at")


def is_for(invitation: Invitation, user: User) -> bool:
    """Return whether the address invited is that of `user`, by the rule that signing in goes by.

    With a mail server it must be proved: by the invitation's link, which then was mailed, or before.
    """
    owner = user_by_email(invitation.email)
    is_proved = not settings.EMAIL_URL or invitation.mailed_at or user.email_verified_at
    return bool(is_proved) and owner is not None and owner.pk == user.pk


def pending_address(token_hash: str) -> PendingAddress | None:
    """Return what waits for the link with this token to be opened, None where it is over."""
    rows = PendingAddress.objects.filter(token_hash=token_hash, expires_at__gt=timezone.now())
    return rows.select_related("user").first()


def live_sessions(user: User) -> QuerySet[Session]:
    """Return the sessions of `user` that have not expired, the last seen first."""
    live = Session.objects.filter(user=user, expires_at__gt=timezone.now())
    return live.order_by(F("last_seen_at").desc(nulls_last=True), "-created_at")


def new_sessions(user: User) -> QuerySet[Session]:
    """Return the live sessions that began within two weeks in browsers that were not seen before, newest first."""
    since = timezone.now() - timedelta(days=14)
    return live_sessions(user).filter(is_new_device=True, created_at__gt=since).order_by("-created_at")
