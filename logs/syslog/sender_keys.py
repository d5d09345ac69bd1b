"""Whose logs a sender's messages are: by the key of the port that it sends to, or by the one that it says."""

from __future__ import annotations

import re

from logs.syslog.listeners import Listener
from services.authentication import Credential
from services.models import ApiKey

HEAD_BYTES = 4 * 1024  # of a message beside its text; its key stands here
# Structured data with the sender's key, which is not stored.
_KEY = re.compile(rb'\[pulseops@\d{1,10} key="(pol_[0-9a-f]{64})"\]')


def credential_of(listener: Listener, key: str, address: str) -> Credential:
    """Return what `key` presents for a sender at `address`."""
    return Credential.of_key(key, ApiKey.Scope.LOGS, address.partition("%")[0], listener.protocol)


def without_key(message: bytes) -> tuple[bytes, str | None]:
    """Take the sender's key out of a message's structured data; returns what is left, and the key if there is one."""
    match = _KEY.search(message, 0, HEAD_BYTES)
    if match is None:
        return message, None
    is_alone = message[match.start() - 1 : match.start()] != b"]" and message[match.end() : match.end() + 1] != b"["
    rest = message[: match.start()] + (b"-" if is_alone else b"") + message[match.end() :]
    return rest, match[1].decode()
