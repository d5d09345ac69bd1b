"""The worker ends cleanly by Ctrl-C or by its supervisor, and leaves no one behind when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil
import pytest

from pulseops.server.supervisor import PATIENCE_SECONDS
from tests.support.installation import Installation, all_gone, free_port
from tests.support.waiting import wait_until

PROCESSES = 6  # the first, the sentinel, two workers, the pusher, the monitor


pytestmark = pytest.mark.xdist_group("installation")


@pytest.fixture
def two_workers(installation: Installation) -> Installation:
    """The installation that all share, with two workers."""
    return installation.twin({**installation.environment, "WORKERS": "2"})


def running_worker(installation: Installation) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """Start a worker; returns it, and all its processes once they are there."""
    process = installation.start_worker()
    first = psutil.Process(process.pid)
    wait_until(lambda: len(first.children(recursive=True)) >= PROCESSES - 1)
    return process, [first, *first.children(recursive=True)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_group_ends_all_well_before_the_supervisor_kills(
    two_workers: Installation, number: signal.Signals
) -> None:
    for _ in range(3):  # a busy machine may take longer, but not every time
        process, everybody = running_worker(two_workers)
        started = time.monotonic()
        os.killpg(process.pid, number)
        assert process.wait(60) == 0
        took = time.monotonic() - started
        wait_until(lambda those=everybody: all_gone(those))
        if took < PATIENCE_SECONDS:
            return
    pytest.fail(f"it took {took:.1f} seconds")


@pytest.mark.slow
def test_killed_worker_leaves_no_one_behind(two_workers: Installation) -> None:
    process, everybody = running_worker(two_workers)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    wait_until(lambda: all_gone(everybody))


@pytest.mark.slow
def test_a_worker_whose_queue_is_away_ends_and_is_not_taken_for_one(installation: Installation) -> None:
    """Its supervisor starts it again and again, and the banner says that there is none."""
    away = installation.twin({**installation.environment, "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
    count = "from pulseops.core.models import Heartbeat; print(Heartbeat.objects.filter(name='worker').delete()[0])"
    installation.shell(count)
    assert away.start_worker().wait(60) == 1
    assert installation.shell(count) == "0"
    assert "The queue cannot be reached" in (installation.directory / "processes.log").read_text()
