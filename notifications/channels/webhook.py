"""What Slack, Discord and their like have in common: a secret address that takes JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from notifications.channels.base import ChannelForm, Config, FormClass, Sent, TransientError
from notifications.channels.posting import Hosts, Outgoing, check_address, post
from notifications.channels.service_events import Inbound
from notifications.messages import Notice
from notifications.webhook_addresses import address_in, host_in, is_readable, with_address
from pulseops.core.config.encryption import UnreadableSecretError
from pulseops.core.outbound.client import RefusedError, parse_target

HOSTS = ("hooks.slack.com", "discord.com", "discordapp.com")
_UNREADABLE = "The address cannot be decrypted: SECRET_KEY is not the one that encrypted it. Enter it anew."

Body = Callable[[Sequence[Notice], str], Mapping[str, Any]]


class WebhookForm(ChannelForm):
    """The address of a webhook; empty keeps the one that there is."""

    hosts: Hosts = HOSTS
    foreign_hosts: Mapping[str, str] = {}  # host → whose it is

    webhook_url = forms.CharField(
        label="Webhook address",
        max_length=2000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="With it anyone can post there, so it is shown masked from now on.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_new:
            address = self.fields["webhook_url"]
            address.required = False
            address.help_text = f"Leave it empty to keep {masked_address(self.current)}."

    def clean_webhook_url(self) -> str:
        """Refuse what messages may not go to, and an address of another kind."""
        url: str = self.cleaned_data["webhook_url"].strip()
        if not url:
            return url
        try:
            check_address(url, self.hosts)
        except RefusedError as error:
            raise forms.ValidationError(str(error)) from error
        if owner := self.foreign_hosts.get(parse_target(url).host):
            raise forms.ValidationError(f"This is an address of {owner}.")
        return url

    def config(self) -> dict[str, Any] | None:
        """Return the configuration with the new address; None if it was left empty."""
        url = self.cleaned_data["webhook_url"]
        return with_address(self.current, url) if url else None


@dataclass(frozen=True, slots=True)
class WebhookType:
    """A kind of channel that is a webhook: what differs is the body, and which addresses are of it."""

    type: str
    label: str
    description: str
    order: int
    form_class: FormClass
    body: Body
    hosts: Hosts = HOSTS
    batch: int = 500
    has_secret: bool = False
    threads: bool = False
    inbound: Inbound | None = None

    def problem(self) -> str:
        """Return "": every installation can use webhooks."""
        return ""

    def receiver(self, config: Any) -> str:
        """Return the host of the address."""
        return host_in(config)

    def masked(self, config: Any) -> str:
        """Return the host and the last characters of the address."""
        return masked_address(config)

    def saved(self, actor: Any, channel: Any) -> None:
        """Nothing more is to be done for a webhook."""

    def send(self, channel: Any, notices: Sequence[Notice], message_id: str, thread: str = "") -> Sent:
        """Post one message; a demo's channel takes it without a connection. Raises as ChannelType.send does."""
        try:
            url = address_in(channel.config_json)
            payload = self.payload(channel.config_json, notices, message_id)
        except UnreadableSecretError as error:
            raise TransientError(_UNREADABLE) from error
        post(Outgoing.of_json(url, payload), message_id, self.hosts)
        return Sent()

    def payload(self, config: Any, notices: Sequence[Notice], message_id: str) -> Mapping[str, Any]:
        """Return what is posted. Raises UnreadableSecretError."""
        return self.body(notices, message_id)


def masked_address(config: Config) -> str:
    """Return the host and the last four characters: enough to tell two channels apart, too little to post."""
    url, host = address_in(config) if is_readable(config) else "", host_in(config)
    return f"{host}/…{url[-4:]}" if len(url) > len(host) + 20 else f"{host}/…"
