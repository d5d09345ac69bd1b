"""How long something may take, counted from when it began."""

from __future__ import annotations

import time


class TimeBudget:
    """So many seconds from now on, by the wall clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began = time.monotonic()

    @property
    def used(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left, 0 when it is over."""
        return max(self.seconds - self.used, 0.0)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0
