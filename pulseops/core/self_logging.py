"""PulseOps' own log, kept as logs of an organisation of its own (SELF_LOGGING): gathered here, stored by `logs`.

Without a loop: what the storing thread logs is not kept, nor does a batch of ours wake the evaluation of rules.
Nothing waits for it: what finds no room in the queue, or cannot be stored after some tries, is dropped and counted. It
stands on stderr in any case.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence

from pulseops.core.config.logging import JsonFormatter
from pulseops.core.metrics import SELF_LOGS_DROPPED
from pulseops.core.metrics_directory import is_serving

PROTOCOL = "self"
ROOM = 2_000  # records that wait
GROUP = 500
GATHER_SECONDS = 1.0
TRIES, PAUSE_SECONDS = 3, 5.0
# Stores lines of JSON; set by `logs`, which this floor does not know. Raises what keeps it from storing.
STORE: list[Callable[[Sequence[str]], None]] = []
_storing = threading.local()


class SelfLogHandler(logging.Handler):
    """Named in settings. Keeps the records of processes that serve; a command that someone runs speaks to them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue(ROOM)
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record into the queue; the first in a process starts the thread that stores them."""
        if getattr(_storing, "is_on", False) or not is_serving():
            return
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            SELF_LOGS_DROPPED.inc()
        except Exception:
            self.handleError(record)
            return
        if self._thread is None and STORE:
            self._thread = threading.Thread(target=self._run, name="self-log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        _storing.is_on = True
        while True:
            self.store(self._gather())

    def _gather(self) -> list[str]:
        lines = [self._lines.get()]
        until = time.monotonic() + GATHER_SECONDS
        while len(lines) < GROUP and (left := until - time.monotonic()) > 0:
            try:
                lines.append(self._lines.get(timeout=left))
            except queue.Empty:
                break
        return lines

    def store(self, lines: Sequence[str]) -> None:
        """Store lines, or drop them after some tries; never raises."""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            try:
                STORE[0](lines)
            except Exception:  # noqa: S112 - it is not to be logged here of all places
                continue
            return
        SELF_LOGS_DROPPED.inc(len(lines))
