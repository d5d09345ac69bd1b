"""Waiting for what happens in another process or thread; knows nothing of Django."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60  # seconds; what a test waits for comes at once, but not on a machine that is busy with others


def wait_until(
    condition: Callable[[], object],
    seconds: float = PATIENCE,
    *,
    told: str = "it did not happen in time",
    every: float = 0.02,
) -> None:
    """Wait until `condition()` holds, asking `every` so many seconds; fails after `seconds` with what is `told`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told
        time.sleep(every)
