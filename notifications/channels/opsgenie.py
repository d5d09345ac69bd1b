"""Opsgenie's Alert API, which Jira Service Management speaks too: create, acknowledge and close by alias.

https://docs.opsgenie.com/docs/alert-api, whose limits hold here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django import forms

from notifications.channels.http import HttpType, KeyedForm
from notifications.channels.opsgenie_webhook import JIRA, OURSELVES, OpsgenieInbound
from notifications.channels.posting import Outgoing
from notifications.channels.secrets import secret_in
from notifications.channels.service_events import Inbound
from notifications.messages import Notice

MESSAGE, DESCRIPTION, DETAIL, NOTE = 130, 15_000, 1_000, 25_000
_SERVERS = {
    "https://api.opsgenie.com": "Opsgenie, United States",
    "https://api.eu.opsgenie.com": "Opsgenie, Europe",
    JIRA: "Jira Service Management",
}
_PRIORITIES = {"high": "P1", "medium": "P3", "low": "P4"}
_OPENING = frozenset(
    {"incident.created", "incident.reopened", "incident.flapping", "incident.reminded", "channel.test"}
)
_VERBS = {"incident.investigating": "acknowledge", "incident.resolved": "close"}


class OpsgenieForm(KeyedForm):
    """The key of an API integration."""

    secrets = ("api_key",)
    api_key = forms.CharField(label="API key", max_length=200)
    server = forms.ChoiceField(label="Where", choices=list(_SERVERS.items()))


def opsgenie_request(notice: Notice, message_id: str) -> tuple[str, dict[str, Any]]:
    """Return the path below /v2/alerts and the body."""
    alias = notice.subject_key or message_id
    below = f"/{quote(alias, safe='')}"
    by = {"user": OURSELVES, "source": OURSELVES, "note": _note(notice)}
    if notice.event in _OPENING:
        return "", _alert(notice, alias)
    return f"{below}/{_VERBS.get(notice.event, 'notes')}?identifierType=alias", by


def _alert(notice: Notice, alias: str) -> dict[str, Any]:
    title = f"{notice.title} ({notice.where})" if notice.where else notice.title
    return {
        "message": title if len(title) <= MESSAGE else title[: MESSAGE - 1] + "…",
        "alias": alias,
        "description": _description(notice)[:DESCRIPTION],
        "priority": _PRIORITIES.get(notice.severity, "P5"),
        "user": OURSELVES,
        "source": OURSELVES,
        "entity": notice.scope[:512],
        "details": {fact.name: fact.text[:DETAIL] for fact in notice.facts},
    }


def _description(notice: Notice) -> str:
    parts = [notice.text, "\n".join(notice.quoted), "\n".join(f"{link.label}: {link.url}" for link in notice.actions)]
    return "\n\n".join(filter(None, parts))


def _note(notice: Notice) -> str:
    facts = [f"{fact.name}: {fact.text}" for fact in notice.facts]
    return "\n".join(filter(None, [notice.headline, notice.text, *facts]))[:NOTE]


class OpsgenieType(HttpType):
    """See the module."""

    type = "opsgenie"
    label = "Opsgenie, Jira alerts"
    description = "Settings, Integrations: add “API”, and copy its key. In Jira: Operations, your team, Integrations."
    order = 11
    form_class = OpsgenieForm
    batch = 1
    has_secret = True
    inbound: Inbound | None = OpsgenieInbound()
    hosts = ("api.opsgenie.com", "api.eu.opsgenie.com", "api.atlassian.com")

    def outgoing(self, config: Mapping[str, Any], notices: Sequence[Notice], message_id: str) -> Outgoing | None:
        """See HttpType."""
        key = secret_in(config, "api_key")
        path, body = opsgenie_request(notices[0], message_id)
        headers = {"Authorization": f"GenieKey {key}"}
        return Outgoing.of_json(f"{self.server(config)}/v2/alerts{path}", body, headers, secrets=(key,))


CHANNEL_TYPE = OpsgenieType()
