"""Which organisation's rules are evaluated next, and by which of two lanes.

The quick lane is for those whose rules are done in a moment, which is nearly all of them: no one waits there behind
someone whose rules take long. What is not done in that moment goes on in the slow lane, where each organisation has
its turn and then pauses ten times as long as that took. In each lane those that were woken, since an error came, take
turns with those of the round: an error of one organisation does not wait until a thousand others had their turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from uuid import UUID

EVERY = 30.0  # seconds between two evaluations of all rules
PAUSE = 2.0  # seconds between two evaluations of one organisation's rules
QUICK_SECONDS = 0.25  # that a turn may take in the quick lane
_PAUSE_FACTOR = 9  # so a slow organisation has a tenth of its lane at most
_COST_FADES = 0.8  # with each turn: who is quick for some turns in a row is quick again


@dataclass(frozen=True, slots=True)
class _Due:
    at: float
    is_woken: bool = False  # a pause follows; a round's turn has none, or who is woken just after it would wait
    is_once_more: bool = False  # at the end of that pause, for what came in between


class Agenda:
    """When which organisation is due: all of them every 30 s; one that is woken at most every two seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[UUID, _Due] = {}
        self._taken: dict[UUID, _Due] = {}  # whose turn it is now
        self._free_at: dict[UUID, float] = {}
        self._costs: dict[UUID, float] = {}  # seconds, of those in the slow lane
        self._round_at = clock()
        self._was_woken = [False, False]  # whether the last turn of the quick lane and of the slow one was

    def wake(self, org_id: UUID) -> None:
        """Let an organisation be due as soon as its last turn is two seconds ago."""
        with self._changed:
            if org_id in self._taken:
                self._taken[org_id] = replace(self._taken[org_id], is_once_more=True)
                return
            now = self._clock()
            at = max(now, self._free_at.get(org_id, now))
            planned = self._due.get(org_id)
            self._due[org_id] = _Due(min(at, planned.at) if planned else at, is_woken=True, is_once_more=True)
            self._changed.notify_all()

    def wake_all(self) -> None:
        """Let a round be due now."""
        with self._changed:
            self._round_at = self._clock()
            self._changed.notify_all()

    def wake_up(self) -> None:
        """Let the lanes check whether they are to stop."""
        with self._changed:
            self._changed.notify_all()

    def takes_round(self) -> bool:
        """Return whether a round is due; the caller then plans it."""
        with self._changed:
            now = self._clock()
            if self._round_at > now:
                return False
            self._round_at = now + EVERY
            return True

    def plan(self, org_ids: Iterable[UUID]) -> None:
        """Let these be due now or after their pause, in this order."""
        with self._changed:
            now = self._clock()
            self._free_at = {org_id: at for org_id, at in self._free_at.items() if at > now}
            for org_id in org_ids:
                if org_id not in self._due and org_id not in self._taken:
                    self._due[org_id] = _Due(max(now, self._free_at.get(org_id, now)))
            self._changed.notify_all()

    def take(self, timeout: float, *, is_slow: bool) -> UUID | None:
        """Return whose turn it is in a lane, until `done`; None if no one is due within `timeout` seconds."""
        with self._changed:
            org_id = self._first(is_slow=is_slow)
            if org_id is None:
                self._changed.wait(self._seconds_until_next(timeout, is_slow=is_slow))
                org_id = self._first(is_slow=is_slow)
            if org_id is not None:
                self._taken[org_id] = self._due.pop(org_id)
                self._was_woken[is_slow] = self._taken[org_id].is_woken
            return org_id

    def done(self, org_id: UUID, seconds: float, *, is_slow: bool, is_unfinished: bool) -> None:
        """End a turn that took `seconds`; an unfinished one goes on in the slow lane."""
        with self._changed:
            now = self._clock()
            turn = self._taken.pop(org_id)
            if is_slow:
                self._note_cost(org_id, max(seconds, self._costs.get(org_id, 0) * _COST_FADES))
                self._free_at[org_id] = now + max(PAUSE, seconds * _PAUSE_FACTOR)
            else:
                self._free_at[org_id] = now + PAUSE if turn.is_woken else now
                if is_unfinished:
                    self._note_cost(org_id, seconds + QUICK_SECONDS)
                    self._free_at[org_id] = now
            if turn.is_once_more or is_unfinished:
                self._due[org_id] = _Due(self._free_at[org_id], is_woken=turn.is_once_more)
            self._changed.notify_all()

    def _note_cost(self, org_id: UUID, seconds: float) -> None:
        if seconds > QUICK_SECONDS:
            self._costs[org_id] = seconds
        else:
            self._costs.pop(org_id, None)

    def _lane(self, *, is_slow: bool) -> Iterable[tuple[_Due, UUID]]:
        return ((due, org_id) for org_id, due in self._due.items() if (org_id in self._costs) == is_slow)

    def _first(self, *, is_slow: bool) -> UUID | None:
        """Return who is due the longest: of those woken and those planned, whichever did not have the last turn."""
        now, was_woken = self._clock(), self._was_woken[is_slow]
        due = [each for each in self._lane(is_slow=is_slow) if each[0].at <= now]
        return min(due, key=lambda each: (each[0].is_woken is was_woken, each[0].at))[1] if due else None

    def _seconds_until_next(self, timeout: float, *, is_slow: bool) -> float:
        at = min((due.at for due, _ in self._lane(is_slow=is_slow)), default=None)
        ends = [timeout] if at is None else [timeout, at - self._clock()]
        if not is_slow:
            ends.append(self._round_at - self._clock())
        return max(min(ends), 0)
