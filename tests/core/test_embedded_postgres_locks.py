"""The lock by which one process at a time starts or stops the embedded server."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from pulseops.core.postgres.embedded.errors import StartTimeoutError
from pulseops.core.postgres.embedded.flocks import exclusive


def sleeping_child() -> int:
    """Fork a process that sleeps; return its id."""
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    return child


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive(path, timeout_seconds=1), pytest.raises(StartTimeoutError), exclusive(path, timeout_seconds=0):
        pass


def test_a_child_that_is_forked_meanwhile_keeps_it_from_no_one(tmp_path: Path) -> None:
    """A thread starts the server while another one forks a worker, which lives on."""
    with exclusive(tmp_path / "lock", timeout_seconds=1):
        child = sleeping_child()
    try:
        with exclusive(tmp_path / "lock", timeout_seconds=1):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_nor_does_the_child_of_one_that_is_killed(tmp_path: Path) -> None:
    report, end = os.pipe()
    holder = os.fork()
    if not holder:
        with exclusive(tmp_path / "lock", timeout_seconds=1):
            os.write(end, str(sleeping_child()).encode())
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(holder, 0)
    child = int(os.read(report, 20))
    try:
        with exclusive(tmp_path / "lock", timeout_seconds=5):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(report)
        os.close(end)
