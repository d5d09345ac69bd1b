"""How the processes that `manage.py up` has started notice that their supervisor was killed.

One that ends in any other way stops them itself. One that is killed cannot, and they would go on, with the port taken
and without anyone who starts them again.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading
import time
from pathlib import Path

import psutil

from pulseops.server.supervisor import LOCK, SUPERVISOR

_LOOK_SECONDS = 1.0


def are_ending(directory: Path) -> bool:
    """Return whether processes are left whose supervisor is gone; they end within seconds."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return not _is_live(int(os.read(descriptor, 20) or 0))
    finally:
        os.close(descriptor)


def end_with_supervisor(pid: int | None = None) -> None:
    """Send SIGTERM to the process `pid` (this one, unless given) once the supervisor is gone; if there is one."""
    if supervisor := os.environ.get(SUPERVISOR):
        arguments = (int(supervisor), pid or os.getpid())
        threading.Thread(target=_watch, args=arguments, name="supervision", daemon=True).start()


def _watch(supervisor: int, pid: int) -> None:
    _wait_for_end(supervisor)
    os.kill(pid, signal.SIGTERM)


def _wait_for_end(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # not Linux, or one that does not let us
        while _is_live(pid):
            time.sleep(_LOOK_SECONDS)
        return
    end = select.poll()
    end.register(descriptor, select.POLLIN)
    end.poll()
    os.close(descriptor)


def _is_live(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
