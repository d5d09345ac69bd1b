"""Who signs in with an e-mail address and a password."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User
from accounts.queries import user_by_email

log = logging.getLogger(__name__)
_known: ContextVar[User | None] = ContextVar("known_user", default=None)


@contextmanager
def known_user(user: User | None) -> Iterator[None]:
    """Within it `get_user` need not read `user`, who has just been read."""
    token = _known.set(user)
    try:
        yield
    finally:
        _known.reset(token)


class EmailBackend(AuthenticationBackend):
    """allauth's backend, but an address names at most one account: the exact one first, then the only match.

    Older databases hold accounts whose addresses differ in case alone. An unknown address costs as much time as a wrong
    password, and a deactivated account answers like both.
    """

    def get_user(self, user_id: Any) -> User | None:
        """Return the account if it may sign in."""
        user = _known.get()
        if user is not None and user.pk == user_id:
            return user if self.user_can_authenticate(user) else None
        result: User | None = super().get_user(user_id)
        return result

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        user = user_by_email(email)
        if user is None:
            log.info("sign-in refused: no such account")
            return None
        self._did_check_password = True
        if user.check_password(password) and self.user_can_authenticate(user):
            return user
        log.info("sign-in refused", extra={"user_id": str(user.pk), "is_active": user.is_active})
        return None
