"""What is stored, counted here and added to what all processes count (`pulseops.core.metrics`) twice a second.

Each counter there is a lock, a look for a fork and a write into a mapped file: five of them were 3 % of the CPU of a
request. What is refused is counted there at once, for it needs a counter only.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from pulseops.core import metrics

SECONDS = 0.5  # that what was counted is kept; a process that is killed loses it


@dataclass(slots=True)
class _Kept:
    """What one protocol has had since it was added last."""

    logs: int = 0
    size: int = 0
    refused: int = 0
    seconds: float = 0.0
    answers: Counter[int] = field(default_factory=Counter)  # by status
    durations: Counter[int] = field(default_factory=Counter)  # by place among the histogram's bounds


class IngestCounts:
    """Counts by protocol, for all threads of a process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Keep nothing: in a fork what was counted is the parent's, and no thread of it holds the lock."""
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def note_batch(self, protocol: str, *, logs: int, size: int, refused: int) -> None:
        """Count a batch that is stored: its logs, their bytes, and those that were left out."""
        with self._lock:
            kept = self._of(protocol)
            kept.logs += logs
            kept.size += size
            kept.refused += refused

    def note_answer(self, protocol: str, status: int, seconds: float) -> None:
        """Count a request that was acknowledged, `seconds` after it had arrived."""
        place = bisect_left(metrics.SECONDS_BOUNDS, seconds)
        with self._lock:
            kept = self._of(protocol)
            kept.answers[status] += 1
            kept.durations[place] += 1
            kept.seconds += seconds

    def _of(self, protocol: str) -> _Kept:
        kept = self._kept.get(protocol)
        if kept is None:
            if not self._kept:
                with suppress(RuntimeError):  # no thread can be had: then whoever asks for metrics adds it up
                    threading.Timer(SECONDS, self.add_up).start()  # no daemon: a process that ends waits for it
            kept = self._kept[protocol] = _Kept()
        return kept

    def add_up(self) -> None:
        """Add what was counted to what all processes count."""
        with self._lock:
            taken, self._kept = self._kept, {}
        for protocol, kept in taken.items():
            metrics.add_stored_volume(protocol, logs=kept.logs, size=kept.size, refused=kept.refused)
            metrics.add_stored_requests(protocol, kept.answers, kept.durations, kept.seconds)


counts = IngestCounts()
os.register_at_fork(after_in_child=counts.reset)
