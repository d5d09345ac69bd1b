"""Secrets in the configuration of a channel: each stands encrypted under its name and `_encrypted`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifications.webhook_addresses import PURPOSE
from pulseops.core.config.encryption import UnreadableSecretError, decrypt, encrypt, reencrypt

SUFFIX = "_encrypted"


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
