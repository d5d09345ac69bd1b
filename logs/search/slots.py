"""Slow searches take turns: few of one organisation at once, and fewer of all that search slowly again and again.

An organisation has LOG_SEARCH_SLOTS places of its own. What it holds them for is added up by the minute, in each web
process; beyond LOG_SEARCH_SECONDS_PER_MINUTE it is *heavy* and shares LOG_SEARCH_HEAVY_SLOTS, one processor less than
there are, with all others like it, so that one is left for the logs, alerts and pages of all. Where there is one
organisation alone, only its own places count. Places are advisory locks: a killed process leaves none taken. A
search that finds none free does not wait.

On the embedded database what is slow gives way to what others wait for: a little once it is known to be slow, or the
organisation has searched for LOG_SEARCH_SECONDS in this minute; nearly wholly once it is heavy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.queries import has_other_orgs
from pulseops.core.db.advisory_locks import lock_number
from pulseops.core.db.priority import LOWER_BY_A_LITTLE, lower_priority, restore_priority
from pulseops.core.db.row_security import outside_the_wall

_MINUTE = 60.0


class SearchBusyError(Exception):
    """The organisation runs as many slow searches as it may at the same time."""


class SearchMeter:
    """For how long organisations searched in the running minute, in this process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._minute = -1
        self._seconds: dict[UUID, float] = {}

    def add(self, org_id: UUID, seconds: float) -> None:
        """Add what a search took."""
        with self._lock:
            minute = int(self._now() // _MINUTE)
            if minute != self._minute:
                self._minute, self._seconds = minute, {}
            self._seconds[org_id] = self._seconds.get(org_id, 0.0) + seconds

    def seconds(self, org_id: UUID) -> float:
        """Return for how long the organisation has searched in this minute."""
        with self._lock:
            return self._seconds.get(org_id, 0.0) if int(self._now() // _MINUTE) == self._minute else 0.0


@dataclass(slots=True)
class SearchSlot:
    """A place that is held until `release`."""

    org_id: UUID
    locks: list[int] = field(default_factory=list)
    gives_way: bool = False

    def hold(self, names: Iterable[str]) -> None:
        """Take the first of these locks that is free; raises SearchBusyError, and gives back all, when none is."""
        with connection.cursor() as cursor:
            for number in map(lock_number, names):
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
                if cursor.fetchone()[0]:
                    self.locks.append(number)
                    return
        self.release()
        raise SearchBusyError

    def release(self) -> None:
        """Give the place back."""
        with connection.cursor() as cursor:
            while self.locks:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [self.locks.pop()])
        if self.gives_way:
            self.gives_way = False
            restore_priority(connection)


def take_slot(org_id: UUID, *, is_slow: bool = False) -> SearchSlot:
    """Take a place for a search of the organisation that may be slow, or is known to be.

    Raises SearchBusyError when there is none.
    """
    slot = SearchSlot(org_id)
    slot.hold(f"logs.search:{org_id}:{number}" for number in range(settings.LOG_SEARCH_SLOTS))
    if is_heavy(org_id):
        slot.hold(f"logs.search.heavy:{number}" for number in range(settings.LOG_SEARCH_HEAVY_SLOTS))
        slot.gives_way = lower_priority(connection)
    elif is_slow or searches_much(org_id):
        slot.gives_way = lower_priority(connection, by=LOWER_BY_A_LITTLE)
    return slot


def searches_much(org_id: UUID) -> bool:
    """Return whether the organisation has searched in this minute for as long as one search may take, or longer."""
    return search_meter.seconds(org_id) > settings.LOG_SEARCH_SECONDS


def is_heavy(org_id: UUID) -> bool:
    """Return whether the organisation has used its time of slow searches in this minute, and is not the only one."""
    most = settings.LOG_SEARCH_SECONDS_PER_MINUTE
    if not most or search_meter.seconds(org_id) <= most:
        return False
    with outside_the_wall("whether there are others to leave a processor to"):
        return has_other_orgs(org_id)


search_meter = SearchMeter()
