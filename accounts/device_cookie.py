"""The cookie by which a browser shows that someone has signed in to an account with it before.

It signs no one in: its holder may try passwords of that account while strangers may not any more, and not more of
them (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies). It holds, signed, the
browser's random id and the accounts, the last one first, each as a digest that names no one.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from accounts.models import User

COOKIE = "pulseops_device"
_SALT = "accounts.device"
_SECONDS = 365 * 24 * 3600
_MAX_ACCOUNTS = 5  # of one browser
_MAX_LENGTH = 1_000  # characters; what is longer is not ours


@dataclass(frozen=True, slots=True)
class Device:
    """A browser and the accounts that were signed in to with it."""

    id: str
    accounts: tuple[str, ...] = ()

    def knows(self, user: User) -> bool:
        """Whether `user` has signed in with this browser."""
        return _digest(user) in self.accounts


def read_device(request: HttpRequest) -> Device | None:
    """Return the browser that sent the request; None where it has no cookie of ours, or one that is too old."""
    value = request.COOKIES.get(COOKIE, "")
    if not value or len(value) > _MAX_LENGTH:
        return None
    try:
        device, *accounts = signing.loads(value, salt=_SALT, max_age=_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Device(str(device), tuple(map(str, accounts)))


def is_known_device(request: HttpRequest, user: User) -> bool:
    """Whether `user` has signed in before with the browser that sent the request."""
    device = read_device(request)
    return device is not None and device.knows(user)


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let the browser remember that `user`, who has just signed in completely, did so with it."""
    device = read_device(request) or Device(secrets.token_urlsafe(16))
    others = [each for each in device.accounts if each != _digest(user)]
    accounts = [_digest(user), *others][:_MAX_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps([device.id, *accounts], salt=_SALT),
        max_age=_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _digest(user: User) -> str:
    return hashlib.sha256(f"{_SALT}:{user.pk}".encode()).hexdigest()[:32]
