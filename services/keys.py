"""What an API key is made of: `pol_`, then 32 random bytes as 64 hex digits.

The key itself is shown once and kept nowhere; the database holds its salted SHA-256 and its last four digits. One round
of a fast hash is right here: 256 random bits cannot be guessed, and every ingest request hashes one.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from django.conf import settings

PREFIX = "pol_"
RANDOM_BYTES = 32
SHOWN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key that was just made. `plain` is what the client sends; it stays out of reprs, so of logs and tracebacks."""

    plain: str = field(repr=False)
    key_hash: str
    last_four: str


def make_key() -> FreshKey:
    """Return a key that no one has had before."""
    return as_key(secrets.token_hex(RANDOM_BYTES))


def as_key(digits: str) -> FreshKey:
    """Return the key of 64 hex `digits` that are as good as random."""
    plain = PREFIX + digits
    return FreshKey(plain=plain, key_hash=hash_key(plain), last_four=plain[-SHOWN_DIGITS:])


def hash_key(plain: str) -> str:
    """Return what `api_keys.key_hash` holds for `plain`: hex SHA-256 of the key followed by API_KEY_SALT, in UTF-8.

    Takes any text, for it is also given what strangers send; a lone surrogate cannot be encoded and is replaced.
    """
    return _salted(plain, settings.API_KEY_SALT)


def key_hashes(plain: str) -> tuple[str, str]:
    """Return `hash_key` of `plain`, and its hash under API_KEY_SALT_FALLBACK; without that the same again."""
    current = hash_key(plain)
    fallback: str = settings.API_KEY_SALT_FALLBACK
    return current, _salted(plain, fallback) if fallback else current


def _salted(plain: str, salt: str) -> str:
    return hashlib.sha256((plain + salt).encode("utf-8", "replace")).hexdigest()
