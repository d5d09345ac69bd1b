"""What the worker may be asked to call: the recorded jobs, and the tasks that say so.

django-q calls whatever a row of its table of schedules names. That table is not signed, so the worker looks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from pulseops.core.jobs.registry import REGISTRY

log = logging.getLogger(__name__)
_TASKS: set[str] = set()
Task = TypeVar("Task", bound=Callable[..., Any])


class TaskRefusedError(Exception):
    """The worker was asked to call a function that is neither a recorded job nor a task."""


class _Refusal:
    """Arguments that nothing can be called with: django-q calls `function(*arguments)` and records what that raises."""

    def __init__(self, function: str) -> None:
        self.function = function

    def __iter__(self) -> Iterator[NoReturn]:
        raise TaskRefusedError(f"{self.function} is not a task of PulseOps.")


def worker_task(function: Task) -> Task:
    """Let the worker call `function`, which others enqueue by its path."""
    _TASKS.add(f"{function.__module__}.{function.__name__}")
    return function


def allowed_tasks() -> set[str]:
    """Return the paths of the functions that the worker calls."""
    return _TASKS | {job.path for job in REGISTRY.values()}


def refuse_other_tasks(task: dict[str, Any], **_: Any) -> None:
    """Receive django-q's `pre_execute`: let what is not allowed fail before it is called. Hooks are not used here."""
    task.pop("hook", None)
    if task["func"] not in allowed_tasks():
        log.error("the worker refused a task", extra={"function": str(task["func"])})
        task["args"], task["kwargs"] = _Refusal(str(task["func"])), {}
