"""CPU time of what runs in this thread: it does not grow while other processes have the processors, as seconds do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
BUDGET_SECONDS = 1.0  # of CPU: what any one request may cost


def cpu_of(function: Callable[..., T], *args: Any, **kwargs: Any) -> tuple[T, float]:
    """Call a function; returns what it returned, and the seconds of CPU that this thread spent on it."""
    started = time.thread_time()
    result = function(*args, **kwargs)
    return result, time.thread_time() - started
