"""`manage.py worker`: django-q2's cluster, ended cleanly by whatever ends it."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from typing import Any

from django.core.management.base import CommandError
from django.db import connections
from django_q.brokers import get_broker
from django_q.management.commands import qcluster

from pulseops.core.db.answer_timeout import work_in_background
from pulseops.core.db.priority import give_way_always
from pulseops.core.web.health import beat
from pulseops.server.supervision import end_with_supervisor

_PR_SET_PDEATHSIG = 1  # prctl(2)


class Command(qcluster.Command):
    """qcluster, with each of its processes in a process group of its own.

    Only the first process knows how to end: it lets the current tasks finish. A signal to the whole group (Ctrl-C)
    would reach the others too, and then it waits for them in vain. Should it be killed, the others go with it.
    """

    help = "Run the background worker until SIGTERM or Ctrl-C; current tasks are finished first."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until it is stopped. Raises CommandError where the queue is away: such a worker does not count as one."""
        try:
            get_broker().ping()
        except Exception as error:  # each kind of queue has its own
            raise CommandError(f"The queue cannot be reached: {error}") from error
        work_in_background()
        give_way_always()
        beat("worker")  # the schedule's first comes half a minute later
        connections.close_all()  # none is inherited
        end_with_supervisor()
        # What is there stays, so the collector of a fork need not touch it, and the memory is shared.
        os.register_at_fork(before=gc.freeze, after_in_child=_leave_group)
        super().handle(*args, **options)


def _leave_group() -> None:
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
