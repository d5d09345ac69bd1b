"""How long scrubbing one request may take, in time of the processor: a busy machine makes no log wait for its turn."""

from __future__ import annotations

import time

from django.conf import settings


class OutOfTimeError(Exception):
    """Scrubbing has taken INGEST_SCRUB_SECONDS."""


class ScrubClock:
    """Runs from when it is made, for the thread that made it."""

    def __init__(self, seconds: float | None = None) -> None:
        self._end = time.thread_time() + (settings.INGEST_SCRUB_SECONDS if seconds is None else seconds)

    def check(self) -> None:
        """Raise OutOfTimeError if the time is over."""
        if time.thread_time() > self._end:
            raise OutOfTimeError
