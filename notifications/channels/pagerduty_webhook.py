"""PagerDuty's webhooks, version 3: https://developer.pagerduty.com/docs/webhooks-overview (and …/signatures).

What PagerDuty itself or an integration did has an agent that is no user: among that is the echo of what we sent, so it
changes nothing here. A note names its incident by PagerDuty's id alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from notifications.channels.service_events import (
    ServiceEvent,
    decoded,
    moment_of,
    note_text,
    short_id,
    short_name,
)

_ACTS = {
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
    "incident.reopened": "reopen",
    "incident.annotated": "note",
}
_SIGNATURES = 10  # of one delivery: one for each secret of the subscription while it is rotated
_SHAPE = re.compile(r"v1=[0-9a-f]{64}")


class _Agent(msgspec.Struct):
    type: str = ""
    summary: str | None = ""


class _Incident(msgspec.Struct):
    id: str = ""


class _Data(msgspec.Struct):
    id: str = ""
    incident_key: str | None = None
    incident: _Incident | None = None
    content: str | None = ""


class _Event(msgspec.Struct):
    id: str
    event_type: str
    occurred_at: str = ""
    agent: _Agent | None = None
    data: _Data = msgspec.field(default_factory=_Data)


class _Delivery(msgspec.Struct):
    event: _Event


class PagerDutyInbound:
    """See the module."""

    header = "x-pagerduty-signature"
    key_name = "webhook_secret"
    instructions = (
        "In PagerDuty, under Integrations, Generic Webhooks (v3), add one for the service with this URL and the events "
        "incident.triggered, acknowledged, resolved, reopened and annotated; then enter its secret above. What people "
        "do there is done here too, under their names."
    )

    def is_shaped(self, proof: str) -> bool:
        """See Inbound."""
        return any(_SHAPE.fullmatch(each) for each in _signatures(proof))

    def is_genuine(self, proof: str, body: bytes, secrets: Sequence[str]) -> bool:
        """See Inbound."""
        wanted = [f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}".encode() for secret in secrets]
        given = [each.encode("utf-8", "replace") for each in _signatures(proof)]
        matches = [hmac.compare_digest(one, other) for one in wanted for other in given]
        return any(matches)

    def read(self, body: bytes) -> ServiceEvent | None:
        """See Inbound."""
        delivery = decoded(body, _Delivery)
        if delivery is None or not short_id(delivery.event.id):
            return None
        event: _Event = delivery.event
        agent, data = event.agent, event.data
        return ServiceEvent(
            id=event.id,
            word=short_id(event.event_type),
            act=_ACTS.get(event.event_type, ""),
            by=short_name(agent.summary or "a user") if agent and agent.type.startswith("user") else "",
            alert_id=short_id(data.incident.id if data.incident else data.id),
            subject_key=data.incident_key or "",
            text=note_text(data.content or ""),
            at=moment_of(event.occurred_at),
        )

    def service(self, config: Any) -> str:
        """See Inbound."""
        return "PagerDuty"


def _signatures(proof: str) -> list[str]:
    return [each.strip() for each in proof[: _SIGNATURES * 80].split(",", _SIGNATURES)[:_SIGNATURES]]
