"""Text that the database holds encrypted, so that a stolen one gives no secret.

The keys are derived from SECRET_KEY, one for each purpose; what an earlier key of SECRET_KEY_FALLBACKS encrypted can be
read until it is encrypted anew (`manage.py reencrypt_secrets`).
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableSecretError(Exception):
    """None of the keys that there are has encrypted this."""


def encrypt(purpose: str, text: str) -> str:
    """Return `text` encrypted for `purpose` by the key of today."""
    return _cipher(purpose, secret_keys()).encrypt(text.encode()).decode()


def decrypt(purpose: str, token: str) -> str:
    """Return what was encrypted; raises UnreadableSecretError."""
    try:
        return _cipher(purpose, secret_keys()).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecretError from error


def reencrypt(purpose: str, token: str) -> str:
    """Return the same secret encrypted by the key of today; raises UnreadableSecretError."""
    return encrypt(purpose, decrypt(purpose, token))


def secret_keys() -> tuple[str, ...]:
    """Return SECRET_KEY, and then those before it."""
    return (str(settings.SECRET_KEY), *map(str, settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=32)
def _cipher(purpose: str, keys: tuple[str, ...]) -> MultiFernet:
    digests = (hashlib.sha256(f"pulseops {purpose}:{key}".encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
