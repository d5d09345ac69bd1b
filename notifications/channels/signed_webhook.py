"""A webhook for programs, signed as Standard Webhooks defines it: https://www.standardwebhooks.com.

The signature is HMAC-SHA256 over id.timestamp.body with a secret that is shown once. After a rotation both secrets sign
for a day, so that no receiver has to change at the same moment. docs/webhook-message.schema.json is the body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from notifications.channels.base import PermanentError, Sent, TransientError
from notifications.channels.http import UNREADABLE
from notifications.channels.posting import Outgoing, post
from notifications.channels.secrets import PREFIX, valid_secrets
from notifications.channels.webhook import WebhookForm, masked_address
from notifications.messages import Notice
from notifications.webhook_addresses import address_in, host_in
from pulseops.core.config.encryption import UnreadableSecretError

VERSION = 1


class SignedWebhookForm(WebhookForm):
    """Any address on the public internet."""

    hosts = None


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a body; one entry of the header."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def webhook_body(org: Any, notice: Notice) -> dict[str, Any]:
    """Build the JSON of docs/webhook-message.schema.json."""
    service, _, environment = notice.scope.partition(" / ")
    return {
        "type": notice.event,
        "version": VERSION,
        "timestamp": _time(notice.at or timezone.now()),
        "data": {
            "organisation": {"id": str(org.pk), "name": org.name},
            "incident": notice.subject_id,
            "title": notice.title,
            "severity": notice.severity,
            "status": {"investigating": "acknowledged"}.get(notice.status, notice.status),
            "service": service,
            "environment": environment,
            "text": notice.text,
            "facts": [
                {"name": fact.name, "text": fact.text, "time": _time(fact.at) if fact.at else None}
                for fact in notice.facts
            ],
            "pattern": notice.pattern,
            "lines": list(notice.lines),
            "links": [{"label": link.label, "url": link.url} for link in notice.actions],
        },
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class SignedWebhookType:
    """See the module."""

    type = "webhook"
    label = "Signed webhook"
    description = "JSON for a program of yours, with a signature by which it knows that PulseOps sent it."
    order = 12
    form_class = SignedWebhookForm
    batch = 1
    has_secret = True
    threads = False
    inbound = None

    def problem(self) -> str:
        """Return "": every installation can use it."""
        return ""

    def receiver(self, config: Any) -> str:
        """Return the host of the address."""
        return host_in(config)

    def masked(self, config: Any) -> str:
        """Return the host and the last characters of the address."""
        return masked_address(config)

    def saved(self, actor: Any, channel: Any) -> None:
        """Nothing more is to be done: the secret is made and shown by actions.rotate_secret."""

    def send(self, channel: Any, notices: Sequence[Notice], message_id: str, thread: str = "") -> Sent:
        """Post one event. Raises as ChannelType.send does."""
        config = channel.config_json
        try:
            url, keys = address_in(config), valid_secrets(config)
        except UnreadableSecretError as error:
            raise TransientError(UNREADABLE) from error
        if not keys:
            raise PermanentError("The webhook has no secret yet. Rotate it on the channel's page.")
        body = json.dumps(webhook_body(channel.org, notices[0]), ensure_ascii=False).encode("utf-8", "replace")
        timestamp = int(timezone.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signature(each, message_id, timestamp, body) for each in keys),
        }
        post(Outgoing(url, body, headers), message_id, None)
        return Sent()


CHANNEL_TYPE = SignedWebhookType()
