"""Secrets in the configuration of a channel: each stands encrypted under its name and `_encrypted`.

One that we make is called `secret`; after a rotation the previous one holds for a day, so that both ends need not
change at the same moment.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from notifications.webhook_addresses import PURPOSE
from pulseops.core.config.encryption import UnreadableSecretError, decrypt, encrypt, reencrypt

SUFFIX = "_encrypted"
PREFIX = "whsec_"  # of Standard Webhooks
OVERLAP = timedelta(hours=24)
_PREVIOUS_UNTIL = "previous_secret_until"


def encrypted(name: str, text: str) -> dict[str, str]:
    """Return the part of a configuration that keeps the secret `text`, called `name`."""
    return {f"{name}{SUFFIX}": encrypt(PURPOSE, text)}


def secret_in(config: Any, name: str) -> str:
    """Return a secret, "" if there is none; raises UnreadableSecretError if no key decrypts it."""
    token = config.get(f"{name}{SUFFIX}") if isinstance(config, Mapping) else None
    return decrypt(PURPOSE, str(token)) if token else ""


def ending_of(config: Any, name: str) -> str:
    """Return the last four characters of a long secret, by which people know it again; else ""."""
    try:
        secret = secret_in(config, name)
    except UnreadableSecretError:
        return ""
    return secret[-4:] if len(secret) >= 16 else ""


def reencrypted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with its secrets encrypted by the key of today; raises UnreadableSecretError."""
    return {
        name: reencrypt(PURPOSE, str(value)) if name.endswith(SUFFIX) and value else value
        for name, value in config.items()
    }


def are_readable(config: Any) -> bool:
    """Return whether every secret can be decrypted by the keys that there are."""
    try:
        reencrypted(config if isinstance(config, Mapping) else {})
    except UnreadableSecretError:
        return False
    return True


def with_new_secret(config: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return `config` with a new secret of ours, beside which the previous one holds for OVERLAP; and the secret."""
    secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    kept = {name: value for name, value in config.items() if not name.startswith("previous_secret")}
    if before := config.get(f"secret{SUFFIX}"):
        until = (timezone.now() + OVERLAP).isoformat()
        kept |= {f"previous_secret{SUFFIX}": before, _PREVIOUS_UNTIL: until}
    return {**kept, **encrypted("secret", secret)}, secret


def valid_secrets(config: Any, name: str = "secret") -> list[str]:
    """Return the secrets called `name` that hold now, the newest first; raises UnreadableSecretError."""
    given = config if isinstance(config, Mapping) else {}
    held = [secret_in(given, name)]
    until = given.get(_PREVIOUS_UNTIL) if name == "secret" else None
    if until and datetime.fromisoformat(str(until)) > timezone.now():
        held.append(secret_in(given, "previous_secret"))
    return [each for each in held if each]
