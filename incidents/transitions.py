"""The life of an incident as a table: open, acknowledged (stored as `investigating`), resolved, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from incidents.models import Incident

_Status = Incident.Status


class Move(StrEnum):
    """What can be done to an incident's state."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Transition:
    """From where a move may start, where it ends, where it has been made already, and the event that it is."""

    sources: frozenset[str]
    target: Incident.Status
    done: frozenset[str]
    event: str
    words: str


TRANSITIONS: Mapping[Move, Transition] = {
    Move.ACKNOWLEDGE: Transition(
        frozenset({_Status.OPEN}),
        _Status.INVESTIGATING,
        frozenset({_Status.INVESTIGATING}),
        "investigating",
        "Acknowledged",
    ),
    Move.RESOLVE: Transition(
        frozenset({_Status.OPEN, _Status.INVESTIGATING}),
        _Status.RESOLVED,
        frozenset({_Status.RESOLVED}),
        "resolved",
        "Resolved",
    ),
    Move.REOPEN: Transition(
        frozenset({_Status.RESOLVED}),
        _Status.OPEN,
        frozenset({_Status.OPEN, _Status.INVESTIGATING}),
        "reopened",
        "Reopened",
    ),
}


class TransitionError(Exception):
    """The incident's state does not allow this; the text says why and is fit to be shown."""


def transition(move: Move, status: str) -> Transition | None:
    """Return what `move` does to an incident in `status`; None when it has been done; raises TransitionError."""
    row = TRANSITIONS[move]
    if status in row.done:
        return None
    if status not in row.sources:
        raise TransitionError("The incident is resolved. Reopen it first.")
    return row


def next_move(status: str) -> Move:
    """Return the one thing that an incident in `status` needs most."""
    return {_Status.OPEN: Move.ACKNOWLEDGE, _Status.INVESTIGATING: Move.RESOLVE}.get(_Status(status), Move.REOPEN)
