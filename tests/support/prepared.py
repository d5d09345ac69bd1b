"""A process that has loaded the product and runs commands of manage.py as forks: to load it takes a second each time.

Started as `python -m tests.support.prepared`, it is told on its standard input what to run, a line of JSON each, and
answers with the code that the command ended with. It has no connection and no thread, so a fork is like a new process.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class PreparedCommands:
    """Commands of manage.py in one environment, whose settings are read when the first of them is run."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, "DJANGO_SETTINGS_MODULE": "pulseops.settings", "PULSEOPS_PROCESS": "shell"}
        self._process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str) -> str:
        """Run manage.py; returns what it printed. Raises CalledProcessError if it failed."""
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        with tempfile.NamedTemporaryFile("r") as output:
            process.stdin.write(json.dumps([output.name, *arguments]) + "\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            printed = output.read()
        if code:
            raise subprocess.CalledProcessError(code, ["manage.py", *arguments], printed)
        return printed

    def close(self) -> None:
        """Let the process end; a later command would start another."""
        if self._process:
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.prepared"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, text=True, start_new_session=True, **pipes)


def _command(output: str, *arguments: str) -> Callable[[], None]:
    def run() -> None:
        os.dup2(os.open(output, os.O_WRONLY), sys.stdout.fileno())
        sys.argv = ["manage.py", *arguments]
        runpy.run_path("manage.py", run_name="__main__")

    return run


def _serve() -> None:
    import django  # noqa: PLC0415 - who only starts this process has no use for what is loaded here

    django.setup(set_prefix=False)
    from django.conf import settings  # noqa: PLC0415

    from pulseops.server.forks import Fork  # noqa: PLC0415

    import_module(settings.ROOT_URLCONF)
    for line in sys.stdin:
        print(Fork("manage", _command(*json.loads(line))).wait(), flush=True)


if __name__ == "__main__":
    _serve()
