"""Opsgenie's and Jira Service Management's outgoing webhooks: https://support.atlassian.com/opsgenie/docs/webhook.

They are not signed; what they have is headers of one's own, so a secret of ours stands in one. Deliveries have no name
either: the same bytes are the same event.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from notifications.channels.service_events import ServiceEvent, decoded, note_text, short_id, short_name

OURSELVES = "PulseOps"  # as our own requests name their user and source
JIRA = "https://api.atlassian.com/jsm/ops/integration"
_ACTS = {"Acknowledge": "acknowledge", "Close": "resolve", "AddNote": "note"}
_SHAPE = re.compile(r"Bearer [\x21-\x7e]{20,200}")
_NANOSECONDS_FROM = 10**16  # a larger time is in nanoseconds, else it is in milliseconds


class _Source(msgspec.Struct):
    name: str | None = ""


class _Alert(msgspec.Struct):
    alertId: str = ""  # noqa: N815 - the service's names
    alias: str | None = ""
    username: str | None = ""
    note: str | None = ""
    updatedAt: int | None = None  # noqa: N815


class _Delivery(msgspec.Struct):
    action: str
    alert: _Alert
    source: _Source | None = None


class OpsgenieInbound:
    """See the module."""

    header = "authorization"
    key_name = "secret"
    instructions = (
        "Add an integration of the type Webhook (in Jira: Outgoing webhook) with this URL, the actions Acknowledge, "
        "Close and Add note, and a custom header “Authorization” that holds “Bearer”, a space and the secret below. "
        "What people do there is done here too, under their names."
    )

    def is_shaped(self, proof: str) -> bool:
        """See Inbound."""
        return bool(_SHAPE.fullmatch(proof))

    def is_genuine(self, proof: str, body: bytes, secrets: Sequence[str]) -> bool:
        """See Inbound."""
        given = proof.encode("utf-8", "replace")
        matches = [hmac.compare_digest(f"Bearer {secret}".encode(), given) for secret in secrets]
        return any(matches)

    def read(self, body: bytes) -> ServiceEvent | None:
        """See Inbound."""
        delivery = decoded(body, _Delivery)
        if delivery is None:
            return None
        alert: _Alert = delivery.alert
        names = {alert.username, delivery.source.name if delivery.source else ""}
        return ServiceEvent(
            id=hashlib.sha256(body).hexdigest(),
            word=short_id(delivery.action),
            act=_ACTS.get(delivery.action, ""),
            by="" if OURSELVES in names else short_name(alert.username or "a user"),
            alert_id=short_id(alert.alertId),
            subject_key=alert.alias or "",
            text=note_text(alert.note or ""),
            at=_moment(alert.updatedAt),
        )

    def service(self, config: Any) -> str:
        """See Inbound."""
        is_jira = isinstance(config, Mapping) and config.get("server") == JIRA
        return "Jira Service Management" if is_jira else "Opsgenie"


def _moment(stamp: int | None) -> datetime | None:
    if not stamp:
        return None
    try:
        return datetime.fromtimestamp(stamp / (10**9 if stamp >= _NANOSECONDS_FROM else 10**3), UTC)
    except (ValueError, OverflowError, OSError):
        return None
