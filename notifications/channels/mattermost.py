"""Mattermost's incoming webhooks: https://developers.mattermost.com/integrate/webhooks/incoming/."""

from __future__ import annotations

from typing import Any

from notifications.channels.chat_webhook import chat_body
from notifications.channels.webhook import WebhookForm, WebhookType

TEXT = 16_383  # characters of a post


class MattermostForm(WebhookForm):
    """The address of an incoming webhook."""

    hosts = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_url"].widget.attrs["placeholder"] = "https://chat.example.com/hooks/…"


CHANNEL_TYPE = WebhookType(
    type="mattermost",
    label="Mattermost",
    description="Integrations, Incoming Webhooks: add one for the channel and copy its address.",
    order=8,
    form_class=MattermostForm,
    body=chat_body,
    hosts=None,
)
