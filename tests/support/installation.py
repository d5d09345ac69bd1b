"""A whole installation: gunicorn and the worker as they are run, on an embedded PostgreSQL of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.support.prepared import PreparedCommands
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_NO_LIMIT = 10_000_000  # logs a minute
_KEYS_AT_ONCE = 16  # nearly all that the suite asks for: a process that makes one takes a second and a half to start
_MAKE_KEY = """
from tests.support.factories import make_key, make_org, make_service
for _ in range({number}):
    service = make_service(make_org("Acme"), "api", environments=("production",))
    print(make_key(service.environments.get(), rate_per_minute={rate}))
"""
_MAKE_KEYS = """
import json
from tests.support.factories import make_key, make_org, make_service
org = make_org("Clients")
services = {{name: make_service(org, name, environments=("production",)) for name in {names!r}}}
print(json.dumps({{name: make_key(each.environments.get()) for name, each in services.items()}}))
"""


class Installation:
    """Starts, kills and stops the processes of one installation; the caller closes it.

    It is made in a directory of its own, and removed with it; one that is in `directory` already is left as it is.
    """

    def __init__(self, *, directory: Path | None = None, **environment: str) -> None:
        self.is_lasting = directory is not None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="pulseops-", dir="/tmp"))
        if not self.is_lasting:
            self.directory.chmod(0o755)  # for the server's user
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        self.environment = {
            **inherited,
            "DATABASE_URL": "",
            "PULSEOPS_DATA_DIR": str(self.directory),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.database_url = ""
        self.keys: list[str] = []  # made already, of no one yet
        self.commands = PreparedCommands(self.environment)
        if not self.is_lasting:
            self.command("migrate", "--verbosity=0")

    def twin(self, environment: dict[str, str]) -> Installation:
        """Return an installation in the same directory with another environment, on another port, not migrated."""
        twin = copy(self)
        twin.port = free_port()
        twin.url = f"http://127.0.0.1:{twin.port}"
        twin.environment = {**environment, "PORT": str(twin.port)}
        return twin

    def manage(self, *arguments: str) -> str:
        """Run manage.py in this environment, in a process of its own from its start; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def command(self, *arguments: str) -> str:
        """Run manage.py, quickly: in the environment of the installation that this one is a twin of."""
        return self.commands.run(*arguments).strip()

    def shell(self, code: str) -> str:
        """Run `code` in the product; returns the last line that it printed."""
        return self.command("shell", "--no-imports", "--command", code).splitlines()[-1]

    def make_key(self, *, rate_per_minute: int = _NO_LIMIT) -> str:
        """Return an API key of an environment whose service and organisation are its alone."""
        if rate_per_minute != _NO_LIMIT:
            return self._made_keys(1, rate_per_minute)[0]
        if not self.keys:
            self.keys.extend(self._made_keys(_KEYS_AT_ONCE, rate_per_minute))
        return self.keys.pop()

    def _made_keys(self, number: int, rate_per_minute: int) -> list[str]:
        command = _MAKE_KEY.format(number=number, rate=rate_per_minute)
        return self.command("shell", "--no-imports", "--command", command).splitlines()[-number:]

    def make_keys(self, names: Sequence[str]) -> dict[str, str]:
        """Create an organisation with a service for each name; returns a key of each by that name."""
        command = _MAKE_KEYS.format(names=list(names))
        return {name: str(key) for name, key in json.loads(self.shell(command)).items()}

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a query gives in the installation's database, as its owner; the server runs."""
        if not self.database_url:
            self.database_url = self.command("postgres", "url")
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[call-overload]  # any text

    def start_web(self) -> subprocess.Popen[bytes]:
        """Start gunicorn, and wait until it answers."""
        web = self._start("-m", "gunicorn", "--config", "python:pulseops.server.gunicorn", "pulseops.wsgi")
        wait_until(self._answers)
        return web

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start the worker."""
        return self._start("manage.py", "worker")

    def start_syslog(self, port: int) -> subprocess.Popen[bytes]:
        """Start what listens at SYSLOG_LISTENERS, and wait until the last of them, at `port` by TCP, is listened to."""
        process = self._start("manage.py", "syslog")
        wait_until(lambda: process.poll() is not None or _is_listened_to(port))
        return process

    def postgres(self) -> psutil.Process | None:
        """Return the server's first process, None while there is none."""
        for candidate in psutil.process_iter():
            try:
                if candidate.name() == "postgres" and candidate.cwd().startswith(f"{self.directory}/"):
                    parent = candidate.parent()
                    if parent is None or parent.name() != "postgres":
                        return candidate
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return None

    def close(self) -> None:
        """Stop everything and remove the directory; of one that lasts, stop the processes that were started here."""
        for process in self.processes:
            stop(process)
        if self.is_lasting:
            self.commands.close()
            return
        with suppress(subprocess.CalledProcessError):
            self.command("postgres", "stop")
        self.commands.close()
        if left := self.postgres():
            left.send_signal(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/health", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False


def start_up(directory: Path, port: int, **more: str) -> subprocess.Popen[bytes]:
    """Start `manage.py up` with everything in `directory`, no demo data, its log in `up.log` there, `more` set."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {
        "PORT": str(port),
        "PULSEOPS_DATA_DIR": str(directory),
        "PULSEOPS_DEMO": "0",
        "PULSEOPS_NO_VENV": "1",
        "STATIC_ROOT": str(directory / "static"),
        **more,
    }
    with (directory / "up.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, stdout=log, stderr=log)


def is_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether what `start_up` started answers that all is well."""
    assert process.poll() is None, "`manage.py up` has ended"
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return a process and all that descend from it."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def all_gone(processes: list[psutil.Process]) -> bool:
    """Return whether none of them runs."""
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children: kindly, then not."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(8)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children with -9."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _is_listened_to(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a port of the loopback that no one listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
