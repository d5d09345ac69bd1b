"""What Slack and Discord have in common: a secret address that takes JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django import forms
from django.conf import settings

from notifications.channels.base import ChannelForm, Config, FormClass, PermanentError, RateLimitedError, TransientError
from notifications.messages import Notice
from notifications.webhook_addresses import address_in, host_in, is_readable, with_address
from pulseops.core.config.encryption import UnreadableSecretError
from pulseops.core.outbound.client import Answer, RefusedError, UnreachableError, parse_target, post_json

HOSTS = ("hooks.slack.com", "discord.com", "discordapp.com")
DEMO_HOST = "demo.invalid"  # RFC 2606 keeps .invalid from ever being a host
_UNREADABLE = "The address cannot be decrypted: SECRET_KEY is not the one that encrypted it. Enter it anew."
_RETRYABLE = frozenset({408, 425})
_LONGEST_PAUSE = 3600  # seconds; a receiver that asks for more is asked again after this

Body = Callable[[Sequence[Notice], str], Mapping[str, Any]]


class WebhookForm(ChannelForm):
    """The address of a webhook; empty keeps the one that there is."""

    own_hosts: tuple[str, ...] = ()
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
            check_webhook_url(url)
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

    def send(self, channel: Any, notices: Sequence[Notice], message_id: str) -> str:
        """Post one message; a demo's channel takes it without a connection. Raises as ChannelType.send does."""
        try:
            url = address_in(channel.config_json)
        except UnreadableSecretError as error:
            raise TransientError(_UNREADABLE) from error
        post(url, self.body(notices, message_id), message_id)
        return ""


def masked_address(config: Config) -> str:
    """Return the host and the last four characters: enough to tell two channels apart, too little to post."""
    url, host = address_in(config) if is_readable(config) else "", host_in(config)
    return f"{host}/…{url[-4:]}" if len(url) > len(host) + 20 else f"{host}/…"


def check_webhook_url(url: str) -> None:
    """Raise RefusedError unless `url` is https on a host that channels may post to."""
    target = parse_target(url)
    if not (target.is_in(HOSTS) or target.is_in(settings.NOTIFICATION_HOSTS) or target.is_private):
        raise RefusedError(f"{target.host} is not a host that messages may go to. Allowed: {', '.join(HOSTS)}.")


def post(webhook_url: str, body: Mapping[str, Any], message_id: str) -> None:
    """Post `body`; returns when the receiver has taken it. Raises as ChannelType.send does."""
    try:
        if parse_target(webhook_url).host == DEMO_HOST:
            return  # the end of the way of a demo's message; forms refuse this host
        check_webhook_url(webhook_url)
        headers = {"Idempotency-Key": message_id}
        answer = post_json(webhook_url, body, headers=headers, timeout=settings.NOTIFICATION_TIMEOUT_SECONDS)
    except RefusedError as error:
        raise PermanentError(str(error)) from error
    except UnreachableError as error:
        raise TransientError(str(error), is_unreachable=True) from error
    _judge(answer, webhook_url)


def _judge(answer: Answer, webhook_url: str) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    reason = f"The receiver answered {status}{_excerpt(answer, webhook_url)}"
    if status == 429:
        raise RateLimitedError("The receiver asked to wait (429).", _retry_after(answer))
    if 300 <= status < 400:
        raise PermanentError(f"{reason}: redirects are not followed.")
    if 400 <= status < 500 and status not in _RETRYABLE:
        raise PermanentError(reason)
    raise TransientError(reason)


def _excerpt(answer: Answer, webhook_url: str) -> str:
    """What the receiver said, short, on one line and without the secret of the address."""
    text = re.sub(r"[^\x20-\x7e]+", " ", answer.body[:1000].decode("utf-8", "replace")).strip()
    path = webhook_url.split("/", maxsplit=3)[-1]
    text = text.replace(webhook_url, "…").replace(path, "…") if path else text
    return f": {text[:160]}" if text and not text.startswith("<") else ""


def _retry_after(answer: Answer) -> int:
    """Seconds to wait, by the header or by Discord's JSON; 30 when the receiver does not say."""
    for given in (answer.headers.get("retry-after"), _discord_retry_after(answer)):
        seconds = _seconds(given or "")
        if seconds is not None and math.isfinite(seconds):
            return min(max(math.ceil(seconds), 1), _LONGEST_PAUSE)
    return 30


def _seconds(given: str) -> float | None:
    """Read a number of seconds or, as RFC 9110 also allows, a date."""
    try:
        return float(given)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _discord_retry_after(answer: Answer) -> str:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return ""
    return str(told.get("retry_after", "")) if isinstance(told, dict) else ""
