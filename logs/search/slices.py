"""Walk through time newest first in slices, the next as wide as the last one's speed allows within the budget."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

GROWTH = 4
_SAFETY = 0.6  # of the time left that the next slice is expected to take
_LEAST = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class Window:
    """The time [start, end) that is looked at; aware datetimes."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Slice:
    """[start, end) of the window; `seconds` is the time that is left for it and all that follow."""

    start: datetime
    end: datetime
    seconds: float

    @property
    def width(self) -> timedelta:
        """From start to end."""
        return self.end - self.start


class Slicer:
    """Gives slices until the window or the time is used up.

    Call `take()` for the next slice and then `done()` or `failed()`. `reached` is the time back to which all was seen.
    Where the first slice takes too long, it is tried `retries` times with a narrower one.
    """

    def __init__(
        self, window: Window, *, seconds: float, first: timedelta, anchor: datetime | None = None, retries: int = 2
    ) -> None:
        self.window = window
        self.reached = window.end
        self._deadline = time.monotonic() + seconds
        # Lines of the future lie between the anchor (now) and the end: they belong to the first slice.
        self._from = min(window.end, max(anchor, window.start)) if anchor else window.end
        self._width = first
        self._slice: Slice | None = None
        self._began = 0.0
        self._retries = retries

    @property
    def is_complete(self) -> bool:
        """Whether the whole window has been seen."""
        return self.reached <= self.window.start

    def take(self) -> Slice | None:
        """Return the next slice; None when the window or the time is used up."""
        left = self._deadline - time.monotonic()
        if self.is_complete or (left <= 0 and self._slice is not None):
            return None
        start = max(self.window.start, self._from - self._width)
        self._slice = Slice(min(start, self.reached), self.reached, max(left, 0.05))
        self._began = time.monotonic()
        return self._slice

    def done(self) -> None:
        """The slice was seen: go on behind it with a wider one, as wide as the time left allows."""
        assert self._slice
        took = max(time.monotonic() - self._began, 1e-4)
        left = max(self._deadline - time.monotonic(), 0.0)
        growth = min(GROWTH, left * _SAFETY / took)
        self._width = min(max(self._width * growth, _LEAST), self.window.length + _LEAST)
        self.reached = self._from = self._slice.start

    def failed(self) -> bool:
        """The slice took too long; return whether to try a much narrower one, so that a search always proceeds."""
        assert self._slice
        if self.reached < self.window.end or not self._retries:
            return False
        self._retries -= 1
        self._width = max(self._width / 32, _LEAST)
        self._deadline = time.monotonic() + 0.25
        return True
