"""What kinds of channels that speak HTTP have in common: forms whose secrets are kept, and sending."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms

from notifications.channels.base import REMOVE, ChannelForm, FormClass, PermanentError, Sent, TransientError
from notifications.channels.posting import Hosts, Outgoing, check_address, post
from notifications.channels.secrets import SUFFIX, encrypted, ending_of
from notifications.channels.service_events import Inbound
from notifications.messages import Notice
from notifications.webhook_addresses import host_of
from pulseops.core.config.encryption import UnreadableSecretError
from pulseops.core.outbound.client import Answer, RefusedError

UNREADABLE = "A secret cannot be decrypted: SECRET_KEY is not the one that encrypted it. Enter it anew."


class KeyedForm(ChannelForm):
    """Fields of which those in `secrets` are encrypted, shown never again, and kept where they are left empty."""

    secrets: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.secrets:
            field = self.fields[name]
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
            if not field.required:
                self.offer_removal(name)
            if f"{name}_encrypted" in self.current:
                ending = ending_of(self.current, name)
                field.required = False
                field.help_text = (
                    f"Leave it empty to keep the one that {f'ends with {ending}' if ending else 'there is'}."
                )
        for name in self.plain:
            self.initial.setdefault(name, self.current.get(name, self.fields[name].initial))

    @property
    def plain(self) -> list[str]:
        """The names of the fields that are no secrets."""
        return [
            name for name in self.fields if name != "name" and name not in self.secrets and not name.startswith(REMOVE)
        ]

    def config(self) -> dict[str, Any] | None:
        """Return the configuration that was entered; None if it stays as it is."""
        given = {name: self.cleaned_data[name] for name in self.plain}
        for name in self.secrets:
            if text := self.cleaned_data[name]:
                given |= encrypted(name, text)
        gone = {f"{name}{SUFFIX}" for name in self.secrets if self.is_removed(name)}
        config = {**{name: value for name, value in self.current.items() if name not in gone}, **given}
        return None if config == self.current else config


def checked_address(url: str, hosts: Hosts) -> str:
    """Return `url`, without a slash at its end; raises ValidationError unless messages may go there."""
    try:
        check_address(url, hosts)
    except RefusedError as error:
        raise forms.ValidationError(str(error)) from error
    return url.rstrip("/")


class HttpType(ABC):
    """A kind of channel whose messages are one HTTP request each; see base.ChannelType."""

    type: str
    label: str
    description: str
    order: int
    form_class: FormClass
    batch = 500
    has_secret = False
    threads = False
    inbound: Inbound | None = None
    hosts: Hosts = None  # where its messages may go

    def problem(self) -> str:
        """Return "": every installation can use it."""
        return ""

    def server(self, config: Mapping[str, Any]) -> str:
        """Return the address that its messages begin at."""
        return str(config.get("server") or "")

    def receiver(self, config: Any) -> str:
        """Return the host."""
        return host_of(self.server(config)) if isinstance(config, Mapping) else ""

    def masked(self, config: Any) -> str:
        """Return the host."""
        return self.receiver(config)

    def saved(self, actor: Any, channel: Any) -> None:  # noqa: B027 - most kinds have nothing to do
        """Nothing more is to be done."""

    @abstractmethod
    def outgoing(self, config: Mapping[str, Any], notices: Sequence[Notice], message_id: str) -> Outgoing | None:
        """Build the request; None if the service has no word for what happened. Raises UnreadableSecretError."""

    def reply(self, outgoing: Outgoing, thread: str) -> Outgoing:
        """Return `outgoing` as a reply to the message whose receipt is `thread`; unchanged without threads."""
        return outgoing

    def receipt(self, answer: Answer) -> str:
        """Return what the receiver calls the message that it has taken, "" if it does not say."""
        return ""

    def send(self, channel: Any, notices: Sequence[Notice], message_id: str, thread: str = "") -> Sent:
        """Send one message. Raises as ChannelType.send does."""
        config = channel.config_json
        if not isinstance(config, Mapping):
            raise PermanentError("The channel has no configuration. Enter it anew.")
        try:
            outgoing = self.outgoing(config, notices, message_id)
        except UnreadableSecretError as error:
            raise TransientError(UNREADABLE) from error
        if outgoing is None:
            return Sent(f"{self.label} has no such message, so nothing was sent.")
        answer = post(self.reply(outgoing, thread) if thread else outgoing, message_id, self.hosts)
        return Sent(receipt=self.receipt(answer))
