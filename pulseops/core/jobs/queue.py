"""Asking the worker for something soon, once the current transaction commits."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django_q.tasks import async_task


class QueueAwayError(Exception):
    """The queue, where it is Redis, does not answer."""


def enqueue_after_commit(task: str, *arguments: Any) -> None:
    """Let the worker call `task`, the path of a worker task, with `arguments`.

    What was committed stays so when the queue (Redis) is away: then it is logged that the task was not enqueued.
    """
    transaction.on_commit(lambda: async_task(task, *arguments, save=False), robust=True)
