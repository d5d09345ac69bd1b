"""Who is signed in, found with the session's row instead of by a query of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.backends import known_user
from accounts.models import Session, User


class SignedInMiddleware(AuthenticationMiddleware):
    """Django's, whose checks of a session all hold; but the account is the one that came with the session's row."""

    def process_request(self, request: HttpRequest) -> None:
        """Give `request.user`, found when it is first looked at."""
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]  # as Django does it


def _user(request: Any) -> User | AnonymousUser:
    if not hasattr(request, "_cached_user"):
        request.session.get(auth.SESSION_KEY)  # reads the row
        row: Session | None = request.session.row
        with known_user(row.user if row else None):
            request._cached_user = auth.get_user(request)
    found: User | AnonymousUser = request._cached_user
    return found
