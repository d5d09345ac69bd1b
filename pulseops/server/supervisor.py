"""What `manage.py up` becomes: starts the programs of a Procfile, starts again what ends, stops all when asked to.

A program that ends is started again, sooner or later: a worker whose queue is away, say, while the others go on. Only
when the web server cannot even start does everything end. Each program keeps its own processes (gunicorn its workers,
django-q2 its own); nothing else of ours watches over any. Lines of Python are run by forks of this process, which has
loaded what they need (`pulseops.server.forks`).
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pulseops.server.forks import Fork, fork_python, name_process

SUPERVISOR = "PULSEOPS_SUPERVISOR"  # our process's number, in the environment of those that we start
LOCK = "up.lock"
PATIENCE_SECONDS = 30.0  # for what is under way when all are stopped, after WEB_DRAIN_SECONDS; what is left is killed
_LONGEST_PAUSE_SECONDS = 30.0
_SETTLED_SECONDS = 10.0  # after which a program has started
_LOOK_SECONDS = 0.2
_AGAIN_SECONDS = 1.0  # between two signals that are not one, sent to us and by `make`, say
_PYTHON = 'exec "$PYTHON" '


@dataclass(eq=False)
class Program:
    """A line of the Procfile."""

    name: str
    command: str
    process: subprocess.Popen[bytes] | Fork | None = None
    started_at: float = 0.0
    due_at: float | None = 0.0  # when it is to be started; None: it runs, or has nothing more to do
    pause: float = 1.0  # before it is started again

    @property
    def is_vital(self) -> bool:
        """Whether there is no sense in the others without it."""
        return self.name == "web"

    @property
    def may_end(self) -> bool:
        """Whether it may have nothing (more) to do, and then ends with 0: the demo is over, or syslog is off."""
        return self.name in {"demo", "syslog"}

    @property
    def python_arguments(self) -> list[str]:
        """What follows `python`, if that is all that the line runs."""
        if not self.command.startswith(_PYTHON):
            return []
        return [os.path.expandvars(word) for word in shlex.split(self.command.removeprefix(_PYTHON))]


class Supervisor:
    """Runs `programs` until it is told to stop."""

    def __init__(self, programs: list[Program], inherited: tuple[int, ...] = ()) -> None:
        self._programs = programs
        self._inherited = inherited
        self._stop = threading.Event()
        self._patience = PATIENCE_SECONDS + float(os.environ.get("WEB_DRAIN_SECONDS") or 0)
        self._asked_at = 0.0

    def stop(self, *_: object) -> None:
        """Stop all; asked again a second later or more, at once. Takes what a signal handler is given."""
        if not self._stop.is_set():
            self._asked_at = time.monotonic()
        elif time.monotonic() > self._asked_at + _AGAIN_SECONDS:
            self._patience = 0
        self._stop.set()

    def run(self) -> int:
        """Return the exit code when all have ended: 0 when we were asked to, else that of the web server."""
        code = 0
        try:
            while not self._stop.is_set() and not code:
                code = self._look()
                self._stop.wait(_LOOK_SECONDS)
        finally:
            self._end_all()
        return code

    def _look(self) -> int:
        """Start what is due and note what has ended; returns the exit code with which everything is to end, or 0."""
        now = time.monotonic()
        for program in self._programs:
            if program.process and (code := program.process.poll()) is not None:
                is_settled = now > program.started_at + _SETTLED_SECONDS
                if program.is_vital and not is_settled:
                    return abs(code) or 1
                self._note_end(program, code, is_settled)
            if program.due_at is not None and program.due_at <= now:
                self._start(program)
        return 0

    def _note_end(self, program: Program, code: int, is_settled: bool) -> None:
        program.process = None
        if code == 0 and program.may_end:
            return
        program.pause = 1.0 if is_settled else min(2 * program.pause, _LONGEST_PAUSE_SECONDS)
        program.due_at = time.monotonic() + program.pause
        sys.stderr.write(f"{program.name} has ended ({code}) and is started again in {program.pause:g} seconds.\n")

    def _start(self, program: Program) -> None:
        if arguments := program.python_arguments:
            program.process = fork_python(program.name, arguments)
        else:
            program.process = subprocess.Popen(  # in a session of its own, so that Ctrl-C reaches us alone
                ["/bin/sh", "-c", program.command], start_new_session=True, pass_fds=self._inherited
            )
        program.started_at, program.due_at = time.monotonic(), None

    def _end_all(self) -> None:
        live = [program.process for program in self._programs if program.process]
        for process in live:
            process.terminate()
        began = time.monotonic()
        while any(process.poll() is None for process in live) and time.monotonic() < began + self._patience:
            time.sleep(_LOOK_SECONDS / 4)
        for process in live:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def read_procfile(path: Path) -> list[Program]:
    """Return the programs of a Procfile."""
    lines = [line.partition(":") for line in path.read_text().splitlines() if line.strip()]
    return [Program(name.strip(), command.strip()) for name, _, command in lines]


def _mark(directory: Path) -> tuple[int, ...]:
    """Lock a file in `directory` until the last of our programs, which inherit the lock, has ended.

    A directory that cannot be written (with a DATABASE_URL nothing else needs it) stays without a mark.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return ()
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return (descriptor,)


def supervise(directory: Path, procfile: Path) -> int:
    """Run what `procfile` says until asked to stop; `directory` is the installation's own. Returns the exit code."""
    os.environ[SUPERVISOR] = str(os.getpid())
    name_process("up")
    supervisor = Supervisor(read_procfile(procfile), _mark(directory))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, supervisor.stop)
    return supervisor.run()
