"""What tests of accounts share: the worker's part, and a wide view of the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from accounts.models import AuditLog

Working = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def working(django_capture_on_commit_callbacks: Any) -> Working:
    """Give a context whose end is a commit, after which all queued tasks are done as the worker does them."""

    @contextmanager
    def work() -> Iterator[None]:
        with django_capture_on_commit_callbacks(execute=True):
            yield
        for queued in OrmQ.objects.order_by("id"):
            task = queued.task
            import_string(task["func"])(*task["args"], **task["kwargs"])
            queued.delete()

    return work


@pytest.fixture
def audited(db: None) -> Callable[[], list[str]]:
    """Give the actions that stand in the audit log, in order."""
    return lambda: list(AuditLog.objects.order_by("id").values_list("action", flat=True))
