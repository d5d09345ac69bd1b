"""Rocket.Chat's incoming webhooks: https://docs.rocket.chat/docs/integrations."""

from __future__ import annotations

from typing import Any

from notifications.channels.chat_webhook import chat_body
from notifications.channels.webhook import WebhookForm, WebhookType

TEXT = 5_000  # characters of a message, as servers come


class RocketChatForm(WebhookForm):
    """The address of an incoming webhook."""

    hosts = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_url"].widget.attrs["placeholder"] = "https://chat.example.com/hooks/…"


CHANNEL_TYPE = WebhookType(
    type="rocketchat",
    label="Rocket.Chat",
    description="Workspace, Integrations, New, Incoming: enable it, choose the channel and copy its address.",
    order=9,
    form_class=RocketChatForm,
    body=chat_body,
    hosts=None,
)
