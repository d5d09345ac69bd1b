"""What searches take: the time for which the client waits for the database, and that of the database's processor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection


@dataclass(slots=True)
class Spent:
    """Milliseconds and numbers of statements of some searches, and how many of them had to stop."""

    times: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)
    stopped: int = 0

    def cells(self) -> list[str]:
        """Return the cells of a table's row."""
        return [
            *(f"{each:.0f}" for each in (median(self.times), percentile(self.times, 0.95), max(self.times))),
            f"{percentile(self.cpu, 0.95):.0f}", f"{median(self.statements):.0f}",
            f"{self.stopped} of {len(self.times)}" if self.stopped else "",
        ]  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Clock:
    """Adds up the time that the database takes; a wrapper for `connection.execute_wrapper`."""

    def __init__(self) -> None:
        self.milliseconds, self.statements = 0.0, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.milliseconds += (time.perf_counter() - began) * 1000
            self.statements += 1


@contextmanager
def timed(spent: Spent) -> Iterator[None]:
    """Add what the database did meanwhile to `spent`."""
    connection.ensure_connection()
    pid, clock = connection.connection.info.backend_pid, Clock()
    before = cpu_milliseconds(pid)
    with connection.execute_wrapper(clock):
        yield
    spent.cpu.append(cpu_milliseconds(pid) - before)
    spent.times.append(clock.milliseconds)
    spent.statements.append(clock.statements)


def cpu_milliseconds(pid: int) -> float:
    """Return the time for which a process of this machine has run; 0 where the kernel does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return 0.0
