"""CPU time of what runs in this thread: it does not grow while other processes have the processors, as seconds do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
BUDGET_SECONDS = 1.0  # of CPU: what any one request may cost
_TRIES = 3


def cpu_of(
    function: Callable[..., T], *args: Any, within: float = BUDGET_SECONDS / 10, **kwargs: Any
) -> tuple[T, float]:
    """Call a function; returns what it returned, and the seconds of CPU that this thread spent on it.

    The least of three calls: a busy machine shares its caches, and the same work takes a third longer. One that is
    `within` the budget that the test is about is not tried again, for it could only be quicker.
    """
    best = float("inf")
    for _ in range(_TRIES):
        started = time.thread_time()
        result = function(*args, **kwargs)
        best = min(best, time.thread_time() - started)
        if best < within:
            break
    return result, best
