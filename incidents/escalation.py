"""When an incident that is not acknowledged is brought up again: a pure function of policy, incident and time.

The first step is a reminder to the channels that know of it; each further one goes to the policy's channels as well. A
step is due so long after the one before it, however late that was, so that a pause makes no burst. An incident that is
acknowledged, resolved or snoozed has none. Rotas of people are to stand where a policy names its channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """Remind after `after`, then notify `channels` (ids) as well, `repeats` times more at most."""

    after: timedelta
    repeats: int
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An incident as far as it concerns escalation: `steps` are those that were taken since it opened last."""

    is_open: bool
    opened_at: datetime
    steps: int = 0
    last_step_at: datetime | None = None
    snoozed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is due: its number from 1 on, and the channels besides those that want the incident anyway."""

    number: int
    channels: tuple[str, ...]

    @property
    def is_reminder(self) -> bool:
        """Whether it goes to no further channel."""
        return not self.channels


def due_step(policy: Policy, incident: Waiting, now: datetime) -> Step | None:
    """Return the step that is due at `now`, None if there is none."""
    if not incident.is_open or incident.steps > policy.repeats:
        return None
    snoozed = incident.snoozed_until
    if snoozed and snoozed > now:
        return None
    since = max(incident.last_step_at or incident.opened_at, snoozed or incident.opened_at)
    if now < since + policy.after:
        return None
    number = incident.steps + 1
    return Step(number, policy.channels if number > 1 else ())
