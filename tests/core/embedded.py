"""What the tests of the embedded PostgreSQL share: places for servers, client processes, and a look at what lives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from pulseops.core.postgres.embedded import process
from pulseops.core.postgres.embedded.home import open_home
from pulseops.core.postgres.embedded.server import EmbeddedServer
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
NO_SYNC = {"fsync": "off"}
IS_ROOT = os.geteuid() == 0

_CLIENT = """
import json, sys
from pathlib import Path
from pulseops.core.postgres.embedded.server import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), settings={"fsync": "off"})
print(json.dumps([server.join(), server.generation]), flush=True)
sys.stdin.read()
"""


class Client:
    """A process that joins the server in a directory and uses it until it is told to leave, or is killed."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CLIENT, str(directory)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def joined(self) -> int:
        """Wait until it has joined; return the server's pid."""
        assert self.process.stdout
        _address, (pid, _started_at) = json.loads(self.process.stdout.readline())
        return int(pid)

    def leave(self) -> None:
        """Let it exit as a program does."""
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0

    def kill(self) -> None:
        """Kill it with -9."""
        self.process.kill()
        self.process.communicate()


class Places:
    """Directories for servers, in a new directory directly under /tmp: short, and open to the server's user."""

    def __init__(self, base: Path, template: Path) -> None:
        self.base = base
        self._template = template
        self._servers: list[EmbeddedServer] = []

    def empty(self, name: str = "postgres") -> Path:
        """Return a path where nothing is yet."""
        return self.base / name

    def ready(self, name: str = "postgres") -> Path:
        """Return a server's directory as initdb and a first clean stop leave it."""
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", self._template, path], check=True)
        return path

    def server(self, directory: Path, **options: Any) -> EmbeddedServer:
        """Return a server in this process that is left when the test ends."""
        server = EmbeddedServer(directory, **{"settings": NO_SYNC, **options})
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Leave the servers, stop what a test left running, remove everything."""
        for server in self._servers:
            server.leave()
        for postgres in postgres_processes(self.base):
            postgres.send_signal(signal.SIGQUIT)
        wait_until(lambda: not postgres_processes(self.base))
        shutil.rmtree(self.base)


def postgres_processes(below: Path) -> list[psutil.Process]:
    """All live PostgreSQL processes that work somewhere below a directory."""
    found = []
    for candidate in psutil.process_iter():
        try:
            if candidate.name() == "postgres" and candidate.cwd().startswith(f"{below}/"):
                found.append(candidate)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def server_pid(directory: Path) -> int | None:
    """The pid of the server that lives in `directory`."""
    home = open_home(directory)
    postmaster = process.read_postmaster(home)
    return postmaster.pid if postmaster and process.is_alive(home, postmaster) else None


def kill_server(directory: Path) -> int:
    """Kill the server's first process with -9 and wait until it is gone; return its pid.

    Waits for one that lives: backends of a server that is killed already may still answer for a moment.
    """
    wait_until(lambda: server_pid(directory))
    pid = server_pid(directory)
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not process.is_live(pid))
    return pid
