"""The processes of `manage.py up`: two on one data directory, and what is left of one that was killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pulseops.core.postgres.server import embedded_server
from tests.installation import family, free_port, is_ready, start_up, stop, wait_until


@pytest.fixture
def directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))
    directory.chmod(0o755)  # for the server's user
    yield directory
    embedded_server(directory / "postgres").leave()  # whoever honcho had to kill on a busy machine has not
    shutil.rmtree(directory, ignore_errors=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


@pytest.mark.slow
def test_a_killed_supervisor_leaves_nobody_behind_who_is_in_the_way(directory: Path) -> None:
    port, other_port = free_port(), free_port()
    killed = start_up(directory, port)
    started, orphans = [killed], []
    try:
        wait_until(lambda: is_ready(killed, port), seconds=60)
        other = start_up(directory, other_port)
        started.append(other)
        wait_until(lambda: is_ready(other, other_port), seconds=60)  # two share the directory, its database, its work
        orphans = family(killed)[1:]
        killed.kill()
        again = start_up(directory, port)
        started.append(again)
        wait_until(lambda: all_gone(orphans))  # until then one of them may answer
        wait_until(lambda: is_ready(again, port), seconds=60)
        assert is_ready(other, other_port)
        stop(other)
        assert is_ready(again, port)
    finally:
        left = [member for process in started for member in family(process)] + orphans
        for process in started:
            process.terminate()
            process.wait(20)
        wait_until(lambda: all_gone(left))
