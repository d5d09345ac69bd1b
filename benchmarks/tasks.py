"""What the benchmark of alerting has the worker do, under `benchmarks.worker_settings`."""

from __future__ import annotations

import time

from pulseops.core.jobs.allowed_tasks import worker_task


@worker_task
def now() -> float:
    """Return the time at which the worker began."""
    return time.time()


@worker_task
def sleep(seconds: float) -> None:
    """Keep one of the worker's slots taken."""
    time.sleep(seconds)
