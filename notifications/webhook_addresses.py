"""How a channel's address stands in `config_json`: encrypted, for its holder can post there; its host beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pulseops.core.config.encryption import UnreadableSecretError, decrypt, encrypt

PURPOSE = "webhook addresses"
ENCRYPTED, HOST = "webhook_url_encrypted", "webhook_host"
PLAIN = ("webhook_url", "webhookUrl")  # as other software writes it


def with_address(config: Any, url: str) -> dict[str, Any]:
    """Return `config` with `url` in place of the address that it held."""
    kept = config if isinstance(config, Mapping) else {}
    others = {name: value for name, value in kept.items() if name not in PLAIN}
    return {**others, ENCRYPTED: encrypt(PURPOSE, url), HOST: host_of(url)}


def address_in(config: Any) -> str:
    """Return the address that `config` holds, "" for none; raises UnreadableSecretError if no key decrypts it."""
    if not isinstance(config, Mapping):
        return ""
    plain = next((config[name] for name in PLAIN if config.get(name)), "")
    return str(plain) if plain or ENCRYPTED not in config else decrypt(PURPOSE, str(config[ENCRYPTED]))


def host_in(config: Any) -> str:
    """Return the host of the address, without decrypting it."""
    if isinstance(config, Mapping) and HOST in config:
        return str(config[HOST])
    return host_of(address_in(config))


def is_readable(config: Any) -> bool:
    """Return whether the address can be decrypted, or is not encrypted."""
    try:
        address_in(config)
    except UnreadableSecretError:
        return False
    return True


def host_of(url: str) -> str:
    """Return the host of an address, "" if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
