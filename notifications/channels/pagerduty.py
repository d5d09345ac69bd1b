"""PagerDuty, Events API v2: an incident triggers an alert, acknowledges and resolves it by one key.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/, whose limits hold here. What it has no event for is
not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator

from notifications.channels.http import HttpType, KeyedForm
from notifications.channels.pagerduty_webhook import PagerDutyInbound
from notifications.channels.posting import Outgoing
from notifications.channels.secrets import secret_in
from notifications.channels.service_events import Inbound
from notifications.messages import Notice

SUMMARY, SOURCE, LINKS = 1_024, 200, 4
_SERVERS = {"https://events.pagerduty.com": "United States", "https://events.eu.pagerduty.com": "Europe"}
_ACTIONS = {
    "incident.created": "trigger",
    "incident.reopened": "trigger",
    "incident.escalated": "trigger",
    "incident.reminded": "trigger",
    "incident.flapping": "trigger",
    "channel.test": "trigger",
    "incident.investigating": "acknowledge",
    "incident.resolved": "resolve",
}
_SEVERITIES = {"low": "warning", "medium": "error", "high": "critical"}


class PagerDutyForm(KeyedForm):
    """The integration key of a service."""

    secrets = ("routing_key", "webhook_secret")
    routing_key = forms.CharField(
        label="Integration key",
        max_length=32,
        validators=[RegexValidator(r"\A[0-9A-Za-z]{32}\Z", "An integration key has 32 letters and digits.")],
    )
    webhook_secret = forms.CharField(
        max_length=200,
        required=False,
        help_text="Of a webhook in PagerDuty that leads here, so that what people do there is done here too. The "
        "channel's page says how, once it was added.",
    )
    server = forms.ChoiceField(label="Region", choices=list(_SERVERS.items()))


def pagerduty_event(routing_key: str, notice: Notice, message_id: str) -> dict[str, Any] | None:
    """Build an event; None for what PagerDuty has no event for."""
    action = _ACTIONS.get(notice.event)
    if action is None:
        return None
    event = {"routing_key": routing_key, "event_action": action, "dedup_key": notice.subject_key or message_id}
    return event if action != "trigger" else {**event, **_alert(notice, message_id)}


def _alert(notice: Notice, message_id: str) -> dict[str, Any]:
    service, _, environment = notice.scope.partition(" / ")
    details: dict[str, Any] = {fact.name: fact.text for fact in notice.facts}
    details |= {"message": message_id, "text": notice.text, "pattern": notice.pattern, "lines": list(notice.lines)}
    return {
        "payload": {
            "summary": f"{notice.title} ({notice.where})"[:SUMMARY] if notice.where else notice.title[:SUMMARY],
            "source": (notice.scope or "PulseOps")[:SOURCE],
            "severity": _SEVERITIES.get(notice.severity, "info"),
            **({"timestamp": notice.at.isoformat()} if notice.at else {}),
            **({"component": service, "group": environment} if environment else {}),
            "class": notice.event,
            "custom_details": {name: value for name, value in details.items() if value},
        },
        "client": "PulseOps",
        "client_url": notice.link or settings.PUBLIC_URL,
        "links": [{"href": link.url, "text": link.label} for link in notice.actions[:LINKS]],
    }


class PagerDutyType(HttpType):
    """See the module."""

    type = "pagerduty"
    label = "PagerDuty"
    description = "Service directory, your service, Integrations: add “Events API v2” and copy its integration key."
    order = 10
    form_class = PagerDutyForm
    batch = 1
    inbound: Inbound | None = PagerDutyInbound()
    hosts = ("events.pagerduty.com", "events.eu.pagerduty.com")

    def outgoing(self, config: Mapping[str, Any], notices: Sequence[Notice], message_id: str) -> Outgoing | None:
        """See HttpType."""
        key = secret_in(config, "routing_key")
        event = pagerduty_event(key, notices[0], message_id)
        if event is None:
            return None
        return Outgoing.of_json(f"{self.server(config)}/v2/enqueue", event, secrets=(key,))


CHANNEL_TYPE = PagerDutyType()
