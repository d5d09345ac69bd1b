"""How long scrubbing one request may take, in time of the processor: a busy machine makes no log wait for its turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

from django.conf import settings

T = TypeVar("T")
LOOKS = 50  # at so many of a kind between two looks at the clock


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

    def groups(self, matches: Iterator[T]) -> Iterator[list[T]]:
        """Give what the iterator gives, some at a time, as long as there is time. Raises OutOfTimeError."""
        while group := list(islice(matches, LOOKS)):
            self.check()
            yield group
