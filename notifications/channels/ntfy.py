"""ntfy: a topic of ntfy.sh or of a server of one's own, https://docs.ntfy.sh/publish/, whose limits hold here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from notifications.channels.http import HttpType, KeyedForm, checked_address
from notifications.channels.plain_push import push_text, push_title
from notifications.channels.posting import Outgoing
from notifications.channels.secrets import secret_in
from notifications.messages import Notice

MESSAGE, TITLE, ACTIONS = 4_096, 250, 3  # bytes, characters, buttons
_PRIORITIES = {"high": 5, "medium": 4, "low": 3}
_LOUD = frozenset({"incident.created", "incident.reopened", "incident.escalated", "incident.reminded"})
_TAGS = {
    "incident.created": "red_circle",
    "incident.resolved": "green_circle",
    "incident.investigating": "yellow_circle",
}


class NtfyForm(KeyedForm):
    """Server, topic, and a token where the topic asks for one."""

    secrets = ("token",)
    server = forms.CharField(max_length=300, initial="https://ntfy.sh")
    topic = forms.CharField(
        max_length=64,
        validators=[RegexValidator(r"\A[-_A-Za-z0-9]{1,64}\Z", "Letters, digits, - and _, 64 at most.")],
        help_text="Anyone who knows the name of an open topic can read it: choose one that is hard to guess.",
    )
    token = forms.CharField(max_length=200, required=False, help_text="An access token, if the topic needs one.")

    def clean_server(self) -> str:
        """Refuse what messages may not go to."""
        return checked_address(self.cleaned_data["server"], None)


def ntfy_body(topic: str, notices: Sequence[Notice]) -> dict[str, Any]:
    """Build the JSON."""
    first = notices[0]
    is_loud = any(notice.event in _LOUD for notice in notices)
    links = first.actions if len(notices) == 1 else first.actions[:1]
    acting = [each for each in links if each.label == "Acknowledge"]
    buttons = [*acting, *(each for each in links if each not in acting)][:ACTIONS]
    return {
        "topic": topic,
        "title": push_title(notices)[:TITLE],
        "message": push_text(notices, MESSAGE),
        "priority": _PRIORITIES.get(first.severity, 3) if is_loud else 2,
        "tags": [_TAGS.get(first.event, "bell")],
        **({"click": first.link} if first.link else {}),
        "actions": [{"action": "view", "label": each.label, "url": each.url} for each in buttons],
    }


class NtfyType(HttpType):
    """See the module."""

    type = "ntfy"
    label = "ntfy"
    description = "Push notifications to phones, by ntfy.sh or a server of your own."
    order = 6
    form_class = NtfyForm

    def masked(self, config: Any) -> str:
        """Return the host and the beginning of the topic, which is a secret of a kind."""
        return f"{self.receiver(config)}/{str(config.get('topic', ''))[:4]}…" if isinstance(config, Mapping) else ""

    def outgoing(self, config: Mapping[str, Any], notices: Sequence[Notice], message_id: str) -> Outgoing:
        """See HttpType."""
        topic, token = str(config.get("topic") or ""), secret_in(config, "token")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Outgoing.of_json(self.server(config), ntfy_body(topic, notices), headers, secrets=(token, topic))


CHANNEL_TYPE = NtfyType()
