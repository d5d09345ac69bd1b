"""Who agreed to get a channel's mail: members of the organisation have; others are asked once, and may leave.

A link is signed and opens a page with one button, so that programs that look at links change nothing. State stands in
the channel's `config_json`: `to`, and of these `asked` and `confirmed`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils import timezone

from accounts.audit.reader import count_since
from accounts.audit.record import record
from accounts.queries import users_of
from notifications.channels.base import ConfigError
from notifications.channels.recipients import addresses, confirmed_addresses
from pulseops.core.jobs.queue import enqueue_after_commit

ASKED = "channel.address_asked"  # the audit rows by which those of a day are counted
VALID = timedelta(days=7)
_CONFIRM, _LEAVE = "notifications.confirm", "notifications.leave"  # what a signature is for


class TooManyAddressesError(ConfigError):
    """The organisation has asked as many addresses as it may in a day."""


def confirm_or_ask(actor: Any, channel: Any) -> None:
    """Count members' addresses as confirmed, and let the worker ask the others that were not asked yet.

    In the transaction that saves the channel. Raises TooManyAddressesError.
    """
    members = {user.email.casefold() for user in users_of(channel.org)}
    agreed = {*map(str.casefold, confirmed_addresses(channel.config_json)), *members}
    asked = set(channel.config_json.get("asked") or ())
    confirmed = [each for each in addresses(channel.config_json) if each.casefold() in agreed]
    new = [each for each in addresses(channel.config_json) if each.casefold() not in agreed and each not in asked]
    _note_asked(actor, channel, new)
    channel.config_json = {**channel.config_json, "confirmed": confirmed, "asked": sorted({*asked, *new})}
    channel.save(update_fields=["config_json"])
    if new:
        enqueue_after_commit("notifications.tasks.ask_addresses", str(channel.pk), new)


def _note_asked(actor: Any, channel: Any, new: list[str]) -> None:
    limit, since = settings.NOTIFICATION_ADDRESSES_ASKED_PER_DAY, timezone.now() - timedelta(days=1)
    if new and count_since(channel.org, ASKED, since) + len(new) > limit:
        raise TooManyAddressesError(f"An organisation may ask {limit} addresses a day whether they want its mail.")
    for address in new:
        record(actor=actor, org=channel.org, action=ASKED, resource=channel, meta={"address": address})


def confirmation_token(channel: Any, address: str) -> str:
    """Sign that `address` was asked; the link in its mail holds this."""
    return signing.dumps([str(channel.pk), address], salt=_CONFIRM)


def leaving_token(channel_id: Any) -> str:
    """Sign which channel a mail came from, so that anyone who got it may leave."""
    return signing.dumps(str(channel_id), salt=_LEAVE)


def read_confirmation(token: str) -> tuple[str, str]:
    """Return the channel's id and the address; raises signing.BadSignature, also when it is older than VALID."""
    channel_id, address = signing.loads(token, salt=_CONFIRM, max_age=VALID)
    return channel_id, address


def read_leaving(token: str) -> str:
    """Return the channel's id; raises signing.BadSignature."""
    channel_id: str = signing.loads(token, salt=_LEAVE)
    return channel_id
