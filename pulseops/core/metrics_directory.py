"""Where the processes of this machine meet to count together: files in memory, this machine's or container's own.

prometheus_client reads the name from the environment when it is first imported, which an app may do before ours: so
settings call `prepare`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

PROCESS = "PULSEOPS_PROCESS"  # which kind this is: `manage.py` and gunicorn say so before anything is imported
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_SERVING = {"web", "worker", "dispatcher", "loop", "syslog"}
_FORKING = {"up"}  # it has imported prometheus_client before its forks know what they are


def is_serving() -> bool:
    """Return whether this is a process that serves, and not a command that someone runs."""
    return os.environ.get(PROCESS) in _SERVING


def prepare(installation: Path) -> None:
    """Make the directory of the installation at `installation`, if this process or a fork of it serves.

    Any other counts for itself. One that another user has made under that name is not used.
    """
    if os.environ.get(DIRECTORY) or not (is_serving() or os.environ.get(PROCESS) in _FORKING):
        return
    directory = _directory_of(installation)
    with suppress(OSError):
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
        if status.st_uid == os.getuid() and not status.st_mode & 0o077 and directory.is_dir():
            os.environ[DIRECTORY] = str(directory)


def _directory_of(installation: Path) -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - of a name that is used only if it is ours
    where = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    return where / f"pulseops-{os.getuid()}-{hashlib.sha256(bytes(installation)).hexdigest()[:12]}"
