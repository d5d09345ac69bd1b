"""The secret that GitHub signs with, and whether a delivery was signed with it.

A secret is derived from the server's key, the integration's id and its version, so the database holds only its hash and
a stolen database gives none away. GitHub signs with HMAC-SHA-256 over the raw body and sends `sha256=<hex>`:
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum

from django.conf import settings
from django.utils.crypto import salted_hmac

from deployments.models import GitHubIntegration
from pulseops.core.config.encryption import secret_keys

# Keeps these secrets apart from everything else that is derived from the server's key.
_LABEL = "pulseops.github.webhook-secret"


class SecretState(Enum):
    """What an integration's deliveries are verified with."""

    OWN = "own"
    SHARED = "shared"  # GITHUB_WEBHOOK_SECRET, for an integration that never had one of its own
    MISSING = "missing"  # it never had one, and there is no shared one either
    LOST = "lost"  # the server's key has changed since, or another program made it: it cannot be derived again


def derive_secret(integration: GitHubIntegration, server_key: str | None = None) -> str:
    """Return the integration's secret of its present version, 64 hex digits, by SECRET_KEY or one before it."""
    value = f"{integration.pk}:{integration.secret_version}"
    return salted_hmac(_LABEL, value, secret=server_key, algorithm="sha256").hexdigest()


def needs_former_key(integration: GitHubIntegration) -> bool:
    """Return whether the secret comes from a key of SECRET_KEY_FALLBACKS and ends with it."""
    return secret_state(integration) is SecretState.OWN and not _is_stored(integration, derive_secret(integration))


def hash_secret(secret: str) -> str:
    """Return what `github_integrations.webhook_secret_hash` holds for `secret`."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_state(integration: GitHubIntegration) -> SecretState:
    """Tell what verifies the deliveries of `integration`."""
    state, _ = _state_and_secret(integration)
    return state


def is_signed_by(integration: GitHubIntegration, body: bytes, signature: str) -> bool:
    """Return whether `signature`, the X-Hub-Signature-256 header as it came, is the integration's over `body`."""
    _, secret = _state_and_secret(integration)
    return bool(secret) and is_signed_with(secret, body, signature)


def is_signed_with(secret: str, body: bytes, signature: str) -> bool:
    """Compare in constant time; whatever the header holds and however long it is, the answer is yes or no."""
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace"))


def _state_and_secret(integration: GitHubIntegration) -> tuple[SecretState, str]:
    stored, shared = integration.webhook_secret_hash, settings.GITHUB_WEBHOOK_SECRET
    if not stored:
        return (SecretState.SHARED, shared) if shared else (SecretState.MISSING, "")
    for key in secret_keys():
        own = derive_secret(integration, key)
        if _is_stored(integration, own):
            return SecretState.OWN, own
    return SecretState.LOST, ""


def _is_stored(integration: GitHubIntegration, secret: str) -> bool:
    return hmac.compare_digest(hash_secret(secret), integration.webhook_secret_hash)
