"""Work of the worker that gives way to the web: on a thread with a low priority of its own."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

from django.db import connections

from pulseops.core.db.priority import LOWER_BY, gives_way

log = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")


def at_low_priority(work: Callable[[], Outcome]) -> Outcome:
    """Return what `work` returns, done on a thread that gives way if this process is a worker, else as it is called.

    In Linux each thread has a niceness, and only root may raise one again, so the thread ends with its work. A process
    that has other threads to run, as one of the web has, would wait for the interpreter that the thread holds.
    """
    if not gives_way():
        return work()
    outcome, context = Future[Outcome](), copy_context()

    def run() -> None:
        try:
            _give_way()
            outcome.set_result(context.run(work))
        except BaseException as error:  # raised again where the work is waited for
            outcome.set_exception(error)
        finally:
            connections.close_all()  # this thread's own

    thread = threading.Thread(target=run, name="low priority", daemon=True)  # a task out of time ends its process
    thread.start()
    thread.join()
    return outcome.result()


def _give_way() -> None:
    if sys.platform != "linux":  # elsewhere a niceness is of the process
        return
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + LOWER_BY)
    except OSError as error:  # a sandbox may forbid it
        log.info("a thread cannot give way", extra={"error": str(error)})
