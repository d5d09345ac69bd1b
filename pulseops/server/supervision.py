"""The supervisor that `manage.py up` becomes, and how its processes notice that it was killed.

A supervisor that ends in any other way stops its processes itself. One that is killed cannot, and its processes would
go on, with the port taken and without anybody who starts them again.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

SUPERVISOR = "PULSEOPS_SUPERVISOR"  # its process's number, in the environment of those that it starts
_LOOK_SECONDS = 1.0
_LOCK = "up.lock"


def become_supervisor(directory: Path) -> None:
    """Tell the processes that this one will start who it is, and mark `directory` until the last of them has ended.

    The mark is a lock that this process's forks inherit and hold as long as what they started. A directory that cannot
    be written (with a DATABASE_URL nothing else needs it) stays without one.
    """
    os.environ[SUPERVISOR] = str(os.getpid())
    with suppress(OSError):
        _mark(directory)


def _mark(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    os.set_inheritable(descriptor, True)


def are_ending(directory: Path) -> bool:
    """Tell whether processes are left whose supervisor is gone; they end within seconds."""
    try:
        descriptor = os.open(directory / _LOCK, os.O_RDWR)
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
