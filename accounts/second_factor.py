"""Where a second factor is asked for: in organisations that require it, and of superusers by a setting."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Session

SETUP = "mfa_index"  # the page that leads to one


def factors_of(user: Any) -> QuerySet[Authenticator]:
    """Return what `user`, or the rows that an OuterRef names, can prove at sign-in beside a password."""
    return Authenticator.objects.filter(user=user, type__in=_TYPES)


def with_factor(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Annotate sessions with `has_second_factor`: whether their user has one."""
    return sessions.annotate(has_second_factor=Exists(factors_of(OuterRef("user"))))


def needs_second_factor(request: Any) -> bool:
    """Return whether the current organisation is closed to the reader until they have a second factor."""
    org = getattr(request, "org", None)
    is_asked = bool(org and org.requires_two_factor) or superuser_needs_factor(request)
    return is_asked and not has_second_factor(request)


def superuser_needs_factor(request: Any) -> bool:
    """Return whether the reader is a superuser of an installation that asks for one (SUPERUSERS_NEED_TWO_FACTOR)."""
    return bool(settings.SUPERUSERS_NEED_TWO_FACTOR and request.user.is_authenticated and request.user.is_superuser)


def has_second_factor(request: Any) -> bool:
    """Return whether the reader has a second factor; the session's own statement has mostly found out."""
    row: Session | None = request.session.row
    if row is not None and row.user_id == request.user.pk and hasattr(row, "has_second_factor"):
        return bool(row.has_second_factor)
    return factors_of(request.user).exists()


_TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
