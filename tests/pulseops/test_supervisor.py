"""What ends is started again, and what is stopped has time to stop well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pulseops.server import supervisor
from pulseops.server.supervision import are_ending
from pulseops.server.supervisor import Program, Supervisor, read_procfile
from tests.support.installation import ROOT
from tests.support.waiting import wait_until

FOREVER = "exec sleep 600"


@contextmanager
def running(*programs: Program) -> Iterator[tuple[Supervisor, list[int]]]:
    codes: list[int] = []
    supervising = Supervisor(list(programs))
    thread = threading.Thread(target=lambda: codes.append(supervising.run()))
    thread.start()
    try:
        yield supervising, codes
    finally:
        supervising.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_LOOK_SECONDS", 0.02)


def test_what_ends_is_started_again_while_the_others_go_on(tmp_path: Path) -> None:
    web = Program("web", FOREVER)
    worker = Program("worker", f"echo x >> {tmp_path}/starts; exit 3", pause=0.01)
    with running(web, worker):
        wait_until(lambda: (tmp_path / "starts").exists() and len((tmp_path / "starts").read_text()) >= 8)
        assert web.process
        assert web.process.poll() is None
        assert worker.pause > 0.05  # it is left alone for longer and longer


def test_what_had_nothing_to_do_is_not(tmp_path: Path) -> None:
    demo = Program("demo", f"echo x >> {tmp_path}/starts")
    with running(Program("web", FOREVER), demo):
        wait_until(lambda: demo.process is None and (tmp_path / "starts").exists())
        time.sleep(0.2)
        assert (tmp_path / "starts").read_text() == "x\n"


def test_a_web_server_that_cannot_start_ends_all() -> None:
    worker = Program("worker", FOREVER)
    with running(Program("web", "exit 3"), worker) as (_, codes):
        wait_until(lambda: codes == [3])
    assert worker.process
    assert worker.process.poll() == -signal.SIGTERM


def test_one_that_had_started_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_SETTLED_SECONDS", 0)
    web = Program("web", FOREVER)
    with running(web):
        wait_until(lambda: web.process)
        assert web.process
        killed = web.process.pid
        web.process.kill()
        wait_until(lambda: web.process and web.process.pid != killed)


def test_what_is_stopped_may_finish(tmp_path: Path) -> None:
    finishing = f"trap 'sleep 0.3; echo finished > {tmp_path}/told; exit 0' TERM; echo > {tmp_path}/ready; "
    worker = Program("worker", finishing + "while :; do sleep 0.01; done")
    with running(worker):
        wait_until((tmp_path / "ready").exists)
    assert (tmp_path / "told").read_text() == "finished\n"
    assert worker.process
    assert worker.process.returncode == 0


def test_stopped_twice_it_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_AGAIN_SECONDS", 0)
    stubborn = Program("worker", f"trap '' TERM; echo > {tmp_path}/ready; while :; do sleep 0.01; done")
    started = time.monotonic()
    with running(stubborn) as (supervising, _):
        wait_until((tmp_path / "ready").exists)
        supervising.stop()
    assert time.monotonic() - started < supervisor.PATIENCE_SECONDS
    assert stubborn.process
    assert stubborn.process.returncode == -signal.SIGKILL


_SUPERVISE = """
import sys
from pathlib import Path
from pulseops.server.supervisor import supervise
sys.modules["loaded_before"] = sys
sys.exit(supervise(*map(Path, sys.argv[1:])))
"""


def supervised(directory: Path, line: str) -> subprocess.Popen[bytes]:
    """Start a supervisor of a Procfile with one line."""
    procfile = directory / "Procfile"
    procfile.write_text(line + "\n")
    command = [sys.executable, "-c", _SUPERVISE, str(directory), str(procfile)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "SAID": "a b"})


def test_one_that_was_killed_is_known_by_those_that_it_left(tmp_path: Path) -> None:
    process = supervised(tmp_path, f"web: echo $$ > {tmp_path}/pid; {FOREVER}")
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    left = psutil.Process(int((tmp_path / "pid").read_text()))
    assert not are_ending(tmp_path)
    process.kill()
    process.wait(60)
    assert are_ending(tmp_path)
    left.kill()
    wait_until(lambda: not are_ending(tmp_path))


_PROGRAM = """
import json, os, signal, sys, time
told = [__name__, sys.argv[1:], "loaded_before" in sys.modules, os.getsid(0) == os.getpid(),
        signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()]
with open(os.path.dirname(sys.argv[0]) + "/told", "a") as file:
    file.write(json.dumps([os.getpid(), told]) + "\\n")
time.sleep(600)
"""


def test_lines_of_python_are_forks_that_share_what_is_loaded_and_are_like_new_processes(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_PROGRAM)
    process = supervised(tmp_path, f"""web: exec "$PYTHON" {tmp_path}/program.py 'two words' "$SAID" """)

    def told() -> list[tuple[int, list[object]]]:
        path = tmp_path / "told"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    wait_until(told)
    pid, state = told()[0]
    assert state == ["__main__", ["two words", "a b"], True, True, True, True]
    assert psutil.Process(pid).ppid() == process.pid
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert not psutil.pid_exists(pid)


def test_the_procfile_is_what_is_run() -> None:
    assert [program.name for program in read_procfile(ROOT / "Procfile")] == ["web", "worker", "loop", "syslog"]
