"""A process that has loaded the product and runs programs as forks of it: to load it takes a second of CPU each time.

Started as `python -m tests.support.prepared`, it is told on its standard input what to do, a line of JSON each, and
answers with a line. It has no connection and no thread, so a fork is like a new process.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class PreparedCommands:
    """Commands of manage.py in one environment, whose settings are read when the first of them is run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {"DJANGO_SETTINGS_MODULE": "pulseops.settings", "PULSEOPS_PROCESS": "shell", **environment}
        self._process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str) -> str:
        """Run manage.py; returns what it printed. Raises CalledProcessError if it failed."""
        with tempfile.NamedTemporaryFile("r") as output:
            code = StartedCommand(self, self.ask("start", output.name, "manage.py", *arguments)).wait(None)
            printed = output.read()
        if code:
            raise subprocess.CalledProcessError(code, ["manage.py", *arguments], printed)
        return printed

    def start(self, *arguments: str) -> StartedCommand:
        """Start what `python -m django` would run with these arguments; what it prints goes to standard error."""
        return StartedCommand(self, self.ask("start", "", "-m", "django", *arguments))

    def ask(self, *question: object) -> Any:
        """Return what the process answers."""
        process = self._process = self._process or self._begin()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def close(self) -> None:
        """Let the process end; a later command would begin another."""
        if self._process:
            self._process.communicate()
            self._process = None

    def _begin(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.prepared"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, text=True, start_new_session=True, **pipes)


class StartedCommand:
    """A process, as `subprocess.Popen` to those who wait for it or end it."""

    def __init__(self, commands: PreparedCommands, pid: int) -> None:
        self.pid = pid
        self._commands = commands
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the code it has ended with, negative for a signal; None while it runs."""
        if self._code is None:
            self._code = self._commands.ask("poll", self.pid)
        return self._code

    def wait(self, seconds: float | None = 60) -> int:
        """Return that code once it has ended, within these seconds or, of None, whenever that is."""
        if seconds is None:
            self._code = self._commands.ask("wait", self.pid)
        else:
            wait_until(lambda: self.poll() is not None, seconds)
        assert self._code is not None
        return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _program(output: str, *arguments: str) -> Callable[[], None]:
    def run() -> None:
        os.dup2(os.open(output, os.O_WRONLY) if output else sys.stderr.fileno(), sys.stdout.fileno())
        if arguments[0] == "-m":
            sys.argv = [*arguments[1:]]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [*arguments]
            runpy.run_path(arguments[0], run_name="__main__")

    return run


def _serve() -> None:
    import django  # noqa: PLC0415 - who only starts this process has no use for what is loaded here

    django.setup(set_prefix=False)
    from django.conf import settings  # noqa: PLC0415

    from pulseops.server.forks import Fork  # noqa: PLC0415

    import_module(settings.ROOT_URLCONF)
    started: dict[int, Fork] = {}
    for line in sys.stdin:
        match json.loads(line):
            case "start", *program:
                fork = Fork("manage", _program(*program))
                started[fork.pid] = fork
                answer: int | None = fork.pid
            case "poll", pid:
                answer = started[pid].poll()
            case _, pid:
                answer = started[pid].wait()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
