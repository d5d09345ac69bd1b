"""What a kind of channel is, and how sending can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms

from notifications.channels.service_events import Inbound
from notifications.messages import Notice

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message that the receiver has taken.

    `remark` is for the delivery log. `receipt` is what the receiver calls the message, if later ones can reply to it.
    `left` are recipients that were refused for now: they alone get it at the next attempt (Notice.recipients).
    """

    remark: str = ""
    receipt: str = ""
    left: tuple[str, ...] = ()


@dataclass(slots=True)
class TransientError(Exception):
    """Not now: worth another attempt. `is_unreachable` when nothing answered at all."""

    reason: str
    is_unreachable: bool = False


@dataclass(slots=True)
class PermanentError(Exception):
    """Never, unless someone changes something."""

    reason: str


@dataclass(slots=True)
class RateLimitedError(Exception):
    """Not before `retry_after` seconds have passed; the message itself is fine."""

    reason: str
    retry_after: int


class ConfigError(Exception):
    """The channel cannot be as it was entered; the text says why."""


REMOVE = "remove_"  # before the name of a secret, for the box that removes it


class ChannelForm(forms.Form):
    """A new channel of one kind, or with `config` the change of one that has this configuration."""

    name = forms.CharField(
        max_length=100,
        help_text="What you call it here, such as “#on-call”.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "#on-call"}),
    )

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        self.current: Config = config or {}
        self.is_new = config is None
        super().__init__(*args, **kwargs)

    def offer_removal(self, name: str) -> None:
        """Add a box that removes the secret `name`, which need not be there, if it is."""
        if f"{name}_encrypted" in self.current:
            label = f"Remove the {str(self.fields[name].label or name.replace('_', ' ')).lower()}"
            self.fields[f"{REMOVE}{name}"] = forms.BooleanField(label=label, required=False)
            order = [each for each in self.fields if not each.startswith(REMOVE)]
            order.insert(order.index(name) + 1, f"{REMOVE}{name}")
            self.order_fields(order)

    def is_removed(self, name: str) -> bool:
        """Return whether the box was checked and no other secret was entered."""
        return bool(self.cleaned_data.get(f"{REMOVE}{name}")) and not self.cleaned_data[name]

    def config(self) -> dict[str, Any] | None:
        """Return the configuration that was entered; None if it stays as it is. Only after is_valid()."""
        raise NotImplementedError


FormClass = type[ChannelForm]


class ChannelType(Protocol):
    """One kind of channel. `config` is what stands in `config_json`; other software may have written it."""

    type: str
    label: str
    description: str  # how to get one, for the page that offers the kinds
    order: int  # among the kinds
    form_class: FormClass
    batch: int  # notices in one message; 1 where each goes by itself, at once
    has_secret: bool  # that we make and show once: by it the service knows us, or we know the service
    threads: bool  # whether a message can reply to the first one about the same incident
    inbound: Inbound | None  # how the service tells us what people did there

    def problem(self) -> str:
        """Return why this installation cannot use the kind, "" if it can."""

    def receiver(self, config: Any) -> str:
        """Return who takes the messages, usually a host: slow receivers are counted by it. Never a secret."""

    def masked(self, config: Any) -> str:
        """Return where messages go, as pages and audit rows may show it."""

    def saved(self, actor: Any, channel: Any) -> None:
        """Do what the kind needs after `channel` got a new configuration, in the same transaction.

        Raises ConfigError, whose text the form shows.
        """

    def send(self, channel: Any, notices: Sequence[Notice], message_id: str, thread: str = "") -> Sent:
        """Send one message about `notices`, oldest first; returns when the receiver has taken it.

        `channel` is a models.Channel with its organisation. `message_id` stays the same when the same message is sent
        again. `thread` is the receipt of the first message about the incident, where there is one and the kind
        `threads`. Called on a thread: no database here. Raises TransientError, PermanentError or RateLimitedError with
        a reason that holds no secret.
        """
