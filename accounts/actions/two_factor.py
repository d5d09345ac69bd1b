"""What is done to second factors beside what allauth does."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.adapters import TWO_FACTOR
from pulseops.core.config.encryption import UnreadableSecretError, reencrypt

_SECRETS = ("secret", "seed")  # of an authenticator app, of recovery codes


@transaction.atomic
def reencrypt_factors() -> tuple[int, int]:
    """Encrypt every second factor by the key of today; returns how many, and how many cannot be decrypted."""
    done = unreadable = 0
    for factor in Authenticator.objects.select_for_update().order_by("pk"):
        try:
            data = _reencrypted(factor.data)
        except UnreadableSecretError:
            unreadable += 1
            continue
        if data != factor.data:
            factor.data = data
            factor.save(update_fields=["data"])
            done += 1
    return done, unreadable


def _reencrypted(data: dict[str, Any]) -> dict[str, Any]:
    anew: dict[str, Any] = {name: reencrypt(TWO_FACTOR, data[name]) for name in _SECRETS if name in data}
    if codes := data.get("migrated_codes"):
        anew["migrated_codes"] = [reencrypt(TWO_FACTOR, code) for code in codes]
    return {**data, **anew}
