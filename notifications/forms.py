"""What admins enter about channels."""

from __future__ import annotations

from typing import Any

from django import forms

from notifications.models import Channel
from notifications.transports import check_webhook_url
from pulseops.core.outbound.client import RefusedError, parse_target

_SLACK_HOST, _DISCORD_HOSTS = "hooks.slack.com", ("discord.com", "discordapp.com")


class ChannelForm(forms.Form):
    """A new channel, or with `channel` the change of one; then an empty address keeps the old one."""

    type = forms.ChoiceField(
        label="Kind",
        choices=Channel.Type.choices,
        help_text="Mattermost and others that speak Slack's format are of kind Slack.",
    )
    name = forms.CharField(
        max_length=100,
        help_text="What you call it here, such as “#on-call”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "#on-call"}),
    )
    webhook_url = forms.CharField(
        label="Webhook address",
        max_length=2000,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://hooks.slack.com/services/…"}
        ),
        help_text="Slack: add the app “Incoming WebHooks” and copy its address. Discord: channel settings, "
        "Integrations, Webhooks. Anyone who has it can post there, so it is shown masked from now on.",
    )

    def __init__(self, *args: Any, channel: Channel | None = None, **kwargs: Any) -> None:
        self.channel = channel
        if channel:
            kwargs.setdefault("initial", {"name": channel.name, "type": channel.type})
        super().__init__(*args, **kwargs)
        if channel:
            del self.fields["type"]
            address = self.fields["webhook_url"]
            address.required = False
            address.help_text = f"Leave it empty to keep {channel.masked_url}."

    def clean_webhook_url(self) -> str:
        """Refuse what messages may not go to, and an address of the other kind."""
        url: str = self.cleaned_data["webhook_url"].strip()
        if not url:
            return url
        try:
            check_webhook_url(url)
        except RefusedError as error:
            raise forms.ValidationError(str(error)) from error
        self._check_kind(parse_target(url).host)
        return url

    def _check_kind(self, host: str) -> None:
        kind = self.channel.type if self.channel else self.cleaned_data.get("type")
        if kind == Channel.Type.SLACK and host in _DISCORD_HOSTS:
            raise forms.ValidationError("This is an address of Discord.")
        if kind == Channel.Type.DISCORD and host == _SLACK_HOST:
            raise forms.ValidationError("This is an address of Slack.")
