"""What a service tells us back: that someone acknowledged, resolved, reopened or noted something there.

A kind whose service has such webhooks has an `inbound`; incidents.service_webhooks receives them and acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from notifications.messages import plain_line

MOST_TEXT = 10_000  # characters of a note, as on the incident's page
_MOST_NAME, _MOST_ID = 80, 100
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One thing that happened to an alert at a service.

    `id` is the same when it is delivered again. `act` is acknowledge, resolve, reopen or note; "" for what means
    nothing here. `by` is who did it, "" where it was no person or we ourselves. `alert_id` is the service's own name of
    the alert; `subject_key` the one that we gave it (Notice.subject_key), "" where the service does not say it.
    """

    id: str
    word: str
    act: str = ""
    by: str = ""
    alert_id: str = ""
    subject_key: str = ""
    text: str = ""
    at: datetime | None = None


class Inbound(Protocol):
    """How the webhooks of a service are known to be its own, and read."""

    header: str  # the header with the proof
    key_name: str  # what its secret is called in the configuration
    instructions: str  # how to set it up, for the channel's page

    def is_shaped(self, proof: str) -> bool:
        """Return whether the header could be a proof at all; asked before anything else is looked at."""

    def is_genuine(self, proof: str, body: bytes, secrets: Sequence[str]) -> bool:
        """Return whether it proves, by one of `secrets`, that the service sent `body`; in constant time."""

    def read(self, body: bytes) -> ServiceEvent | None:
        """Return what `body` says; None if it says nothing that can be understood."""

    def service(self, config: Any) -> str:
        """Return what the service is called, for "by Dana in PagerDuty"."""


def decoded(body: bytes, shape: Any) -> Any:
    """Return the JSON of `body` as a `shape`; None if it is none."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def note_text(text: str) -> str:
    """Return the text of a note as the database takes it, and no longer than notes may be."""
    return text[:MOST_TEXT].translate(_CONTROLS).strip()


def short_name(text: str) -> str:
    """Return a name that a service gave someone as one short line of printable text."""
    return plain_line(text)[:_MOST_NAME]


def short_id(text: str) -> str:
    """Return what a service calls something; "" if that is no name."""
    return text if len(text) <= _MOST_ID and text.isascii() and text.isprintable() else ""


def moment_of(text: str) -> datetime | None:
    """Read a time in ISO 8601 with its zone; None for anything else."""
    try:
        at = datetime.fromisoformat(text[:40])
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
