"""Python programs as forks of this process: what it has imported they need not import, and all share it in memory.

Four processes that each import the product take 80 MB and two seconds of a processor each; forks take what they change.
They are processes like any other: with their own session, signals and end. Here must be no thread and no connection
when one is made, and nothing that two of them may not have in common.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Sequence

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_NAME = 15  # prctl(2)


class Fork:
    """A process that does `work`, as `subprocess.Popen` to the supervisor; `top` calls it pulseops-NAME."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._process = multiprocessing.get_context("fork").Process(target=_begin, args=(name, work))
        sys.stdout.flush()  # or both would write it
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # until the new process has handlers of its own
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The code it has ended with, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return `returncode`."""
        return self.returncode

    def wait(self) -> int:
        """Return `returncode` once it has ended."""
        self._process.join()
        return self.returncode or 0

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()


def fork_python(name: str, arguments: Sequence[str]) -> Fork:
    """Run what `python ARGUMENTS` would, as `name`: a file, or a module after `-m`."""

    def run() -> None:
        if arguments[0] == "-m":
            sys.argv = [*arguments[1:]]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [*arguments]
            runpy.run_path(arguments[0], run_name="__main__")

    return Fork(name, run)


def name_process(name: str) -> None:
    """Let `top` and `ps -o comm` say what this process is; Linux keeps 15 characters."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, f"pulseops-{name}".encode())


def _begin(name: str, work: Callable[[], None]) -> None:
    """Be as a new process is: in a session of its own, so that Ctrl-C reaches the supervisor alone."""
    os.setsid()
    name_process(name)
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIOWrapper
    work()
