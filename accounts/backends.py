"""Who signs in with an e-mail address and a password."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User
from accounts.queries import user_by_email


class EmailBackend(AuthenticationBackend):
    """allauth's backend, but an address names at most one account: the exact one first, then the only match.

    Older databases hold accounts whose addresses differ in case alone.
    """

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        user = user_by_email(email)
        return self._check_password(user, password) if user else None
