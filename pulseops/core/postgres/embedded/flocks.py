"""Who uses the server: shared and exclusive flocks, which the kernel drops when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulseops.core.postgres.embedded.errors import StartTimeoutError

_POLL_SECONDS = 0.02


def open_lock_file(path: Path) -> int:
    """Open (making it if absent, with its directory's owner) the lock file `path`; return the descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:  # a lock file of root's would lock the owner of the directory out
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


@contextmanager
def exclusive(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the exclusive lock on `path`. Raises StartTimeoutError when others keep it longer than `timeout_seconds`."""
    descriptor = open_lock_file(path)
    _exclusive.add(descriptor)
    try:
        deadline = time.monotonic() + timeout_seconds
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise StartTimeoutError(
                    f"Another process has been starting or stopping the embedded PostgreSQL for {timeout_seconds:.0f} "
                    f"seconds (lock {path}). Try again; `manage.py postgres status` tells more."
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        if descriptor in _exclusive:
            _exclusive.discard(descriptor)
            os.close(descriptor)


def _close_inherited() -> None:
    """In a forked child: a thread of the parent has the lock, and our copy would keep it for the life of the child."""
    while _exclusive:
        os.close(_exclusive.pop())


_exclusive: set[int] = set()  # descriptors that hold an exclusive lock, or try to
os.register_at_fork(after_in_child=_close_inherited)


class UserLock:
    """One process's mark that it uses the server. Not inherited: a forked child makes its own."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process is counted."""
        return self._descriptor is not None

    def take(self, path: Path) -> None:
        """Count this process, by a shared lock on `path`. The caller holds the exclusive start lock."""
        if self._descriptor is None:
            descriptor = open_lock_file(path)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._descriptor = descriptor

    def drop(self) -> None:
        """Count this process no more.

        Closing is enough, and right in a forked child too: the parent's copy of the descriptor keeps the parent's lock,
        where an explicit unlock would take it away.
        """
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_used(path: Path) -> bool:
    """Return whether any process (this one too) holds a `UserLock` on `path`. The caller holds the start lock."""
    descriptor = open_lock_file(path)
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
