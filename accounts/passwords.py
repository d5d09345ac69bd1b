"""Passwords: bare bcrypt hashes in the table, Django's own hasher at work.

Other software wrote `users.password_hash` as bcrypt's modular crypt format (`$2b$12$…`). The field adds and removes the
`bcrypt$` that Django's hashers expect in front, and nothing else.
"""

from __future__ import annotations

from typing import Any

import bcrypt
from django.conf import settings
from django.contrib.auth.hashers import BCryptPasswordHasher
from django.core.exceptions import ValidationError
from django.db import models

MAX_BYTES = 72  # bcrypt looks at no more than that
# What AUTH_PASSWORD_VALIDATORS ask for, in one line; the limit of 72 bytes is shown to the few who meet it.
PASSWORD_RULES = (
    f"At least {settings.PASSWORD_MIN_LENGTH} characters; not a common password, nor like your name or address."
)
_PREFIX = "bcrypt$"


class PasswordHashField(models.TextField):
    """Text column with a bare bcrypt hash; in Python it has Django's form `bcrypt$$2b$…`."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if value is None or not value.startswith("$2"):
            return value  # an unusable password («!…»)
        return _PREFIX + value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value.removeprefix(_PREFIX) if isinstance(value, str) else value


class BcryptHasher(BCryptPasswordHasher):
    """Django's bcrypt hasher, able to check the passwords that older software cut at 72 bytes.

    bcrypt 5 raises on more than 72 bytes. New passwords of that length are refused by MaximumBytesValidator; an old one
    was hashed by its first 72 bytes, so only those are looked at.
    """

    rounds = getattr(settings, "BCRYPT_ROUNDS", 12)

    def encode(self, password: str, salt: bytes) -> str:  # type: ignore[override]  # Django's bcrypt salts are bytes
        """Hash the first 72 bytes of `password`; `salt` is bcrypt's salt or a whole hash."""
        hashed = bcrypt.hashpw(password.encode()[:MAX_BYTES], salt)
        return _PREFIX + hashed.decode("ascii")

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether `password` matches; what is not a bcrypt hash matches nothing."""
        try:
            return super().verify(password, encoded)
        except ValueError:
            return False


class MaximumBytesValidator:
    """Refuse a password that bcrypt would cut, rather than cut it."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError when the password is longer than 72 bytes in UTF-8."""
        if len(password.encode()) > MAX_BYTES:
            raise ValidationError(
                f"This password is longer than {MAX_BYTES} bytes. Please choose a shorter one.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"Your password can have at most {MAX_BYTES} bytes (a letter with an accent takes two)."
