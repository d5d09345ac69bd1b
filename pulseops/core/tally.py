"""Counting what happens often and is written seldom: a flood costs no more statements than a trickle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

WRITE_SECONDS = 5.0
_MOST_KEYS = 10_000  # in one process's memory


class Tally:
    """Adds up by key; the first of a key is to be written at once, what follows together after some seconds.

    What was added after the last writing is lost when nothing more comes, or the process ends: such a count is "at
    least".
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, int]] = {}  # when written last, and how many since

    def add(self, key: Hashable) -> int:
        """Count one more; returns how many are to be written now, 0 while it is too early."""
        with self._lock:
            if len(self._kept) >= _MOST_KEYS:
                self._kept.clear()
            written_at, count = self._kept.get(key, (-WRITE_SECONDS, 0))
            if self._now() - written_at < WRITE_SECONDS:
                self._kept[key] = (written_at, count + 1)
                return 0
            self._kept[key] = (self._now(), 0)
            return count + 1
