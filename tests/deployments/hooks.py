"""What the tests of the webhook expect of its answers and of the log of deliveries."""

from __future__ import annotations

from deployments.models import WebhookEffect

GOOD = {"data": {"ok": True}}
SEEN = {"data": {"ok": True, "deduped": True}}


def only_line() -> WebhookEffect:
    return WebhookEffect.objects.get()
