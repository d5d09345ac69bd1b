"""Who is signed in, found with the session's row instead of by a query of its own; and cookies of former names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.backends import known_user
from accounts.models import Session, User
from accounts.sessions import take_over_session


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
    result: User | AnonymousUser = request._cached_user
    return result


class FormerCookieNamesMiddleware:
    """Take over, once for each session, the cookies that were set before their names began with `__Host-`.

    Not for good: another host of the domain can set a cookie of the former name, and so hand a browser a session of its
    own. It could still do so with one that it has had since before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        renamed = _renamed()
        former = {name: old for name, old in renamed.items() if old in request.COOKIES}
        taken = {name: request.COOKIES[old] for name, old in former.items() if name not in request.COOKIES}
        if (token := taken.get(settings.SESSION_COOKIE_NAME)) and not take_over_session(token):
            del taken[settings.SESSION_COOKIE_NAME]
        request.COOKIES.update(taken)
        response = self.get_response(request)
        for name, value in taken.items():
            if name not in response.cookies:
                _set(response, name, value)
        for old in former.values():
            response.delete_cookie(old, samesite="Lax")
        return response


def _renamed() -> dict[str, str]:
    """Return the former name of each cookie that has another one now."""
    pairs = {getattr(settings, setting): former for setting, former in settings.FORMER_COOKIE_NAMES.items()}
    return {name: former for name, former in pairs.items() if name != former}


def _set(response: HttpResponse, name: str, value: str) -> None:
    is_session = name == settings.SESSION_COOKIE_NAME
    age = settings.SESSION_COOKIE_AGE if is_session else settings.CSRF_COOKIE_AGE
    response.set_cookie(name, value, max_age=age, secure=True, httponly=True, samesite="Lax")
