"""Gotify: an application's token on a server of one's own, https://gotify.net/docs/pushmsg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from notifications.channels.http import HttpType, KeyedForm, checked_address
from notifications.channels.plain_push import push_text, push_title
from notifications.channels.posting import Outgoing
from notifications.channels.secrets import secret_in
from notifications.messages import Notice

MESSAGE, TITLE = 8_000, 250  # bytes, characters; Gotify itself has no limit, phones have
_PRIORITIES = {"high": 8, "medium": 5, "low": 4}
_QUIET = frozenset({"incident.resolved", "incident.investigating"})


class GotifyForm(KeyedForm):
    """Server and token."""

    secrets = ("token",)
    server = forms.CharField(
        max_length=300, widget=forms.TextInput(attrs={"placeholder": "https://gotify.example.com"})
    )
    token = forms.CharField(label="Application token", max_length=100)

    def clean_server(self) -> str:
        """Refuse what messages may not go to."""
        return checked_address(self.cleaned_data["server"], None)


def gotify_body(notices: Sequence[Notice]) -> dict[str, Any]:
    """Build the JSON."""
    first = notices[0]
    click = {"client::notification": {"click": {"url": first.link}}} if first.link else {}
    return {
        "title": push_title(notices)[:TITLE],
        "message": push_text(notices, MESSAGE),
        "priority": 2 if first.event in _QUIET else _PRIORITIES.get(first.severity, 4),
        "extras": {"client::display": {"contentType": "text/plain"}, **click},
    }


class GotifyType(HttpType):
    """See the module."""

    type = "gotify"
    label = "Gotify"
    description = "Push notifications by a Gotify server of your own: Apps, Create application, copy its token."
    order = 7
    form_class = GotifyForm

    def outgoing(self, config: Mapping[str, Any], notices: Sequence[Notice], message_id: str) -> Outgoing:
        """See HttpType."""
        token = secret_in(config, "token")
        headers = {"X-Gotify-Key": token}
        return Outgoing.of_json(f"{self.server(config)}/message", gotify_body(notices), headers, secrets=(token,))


CHANNEL_TYPE = GotifyType()
