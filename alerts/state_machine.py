"""What a rule decides: a pure function from a condition, its state and a sample. No clock, no database.

The loop asks it every time that it looks, the backtest for every moment of the past; so both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to be so: at least `threshold` counted.

    It must hold for `hold` before the rule fires and be clear for `recovery` before it ends. Within `cooldown` of its
    end the same incident is opened again. Nothing fires before `muted_until`.
    """

    threshold: int
    hold: timedelta = timedelta(0)
    recovery: timedelta = timedelta(0)
    cooldown: timedelta = timedelta(0)
    muted_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered between two evaluations. `handled_at`: someone resolved the incident by hand while it held."""

    pending_since: datetime | None = None
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    clear_since: datetime | None = None
    handled_at: datetime | None = None

    @property
    def is_firing(self) -> bool:
        """Whether the rule has fired and its condition is not over."""
        return self.fired_at is not None and self.resolved_at is None


@dataclass(frozen=True, slots=True)
class Sample:
    """How many there were at one moment."""

    at: datetime
    count: int


class Outcome(StrEnum):
    """What the evaluation of a rule came to."""

    QUIET = "quiet"
    MUTED = "muted"  # it would fire
    PENDING = "pending"  # it holds, but not for long enough
    FIRE = "fire"
    REOPEN = "reopen"
    HOLDING = "holding"
    SILENCED = "silenced"  # it still holds, but someone has resolved the incident
    CLEARING = "clearing"  # it is clear, but not for long enough
    RECOVER = "recover"


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome and what is to be remembered."""

    outcome: Outcome
    state: State


def decide(condition: Condition, state: State, sample: Sample) -> Decision:
    """Evaluate a sample that is later than what `state` remembers."""
    holds = sample.count >= condition.threshold
    if state.is_firing:
        return _go_on(condition, state, sample.at) if holds else _clear(condition, state, sample.at)
    if not holds:
        return Decision(Outcome.QUIET, replace(state, pending_since=None))
    return _begin(condition, state, sample.at)


def _begin(condition: Condition, state: State, at: datetime) -> Decision:
    since = state.pending_since or at
    pending = replace(state, pending_since=since)
    if at - since < condition.hold:
        return Decision(Outcome.PENDING, pending)
    if _is_muted(condition, at):
        return Decision(Outcome.MUTED, pending)
    is_soon = state.resolved_at is not None and at - state.resolved_at < condition.cooldown
    return Decision(Outcome.REOPEN if is_soon else Outcome.FIRE, State(fired_at=at))


def _go_on(condition: Condition, state: State, at: datetime) -> Decision:
    held = replace(state, clear_since=None)
    if state.handled_at is None:
        return Decision(Outcome.HOLDING, held)
    if at - state.handled_at < condition.cooldown or _is_muted(condition, at):
        return Decision(Outcome.SILENCED, held)
    return Decision(Outcome.FIRE, State(fired_at=at))


def _clear(condition: Condition, state: State, at: datetime) -> Decision:
    since = state.clear_since or at
    if at - since < condition.recovery:
        return Decision(Outcome.CLEARING, replace(state, clear_since=since))
    return Decision(Outcome.RECOVER, State(fired_at=state.fired_at, resolved_at=at))


def _is_muted(condition: Condition, at: datetime) -> bool:
    return condition.muted_until is not None and at < condition.muted_until
