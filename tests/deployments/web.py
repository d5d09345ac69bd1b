"""The product under the gunicorn that serves it, on the database of the tests: something that can be killed.

Gunicorn imports this file for `application`; the tests use `serve`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import requests
from django.conf import settings

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_DATABASE = "PULSEOPS_TEST_DATABASE"

if _DATABASE in os.environ:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    settings.DATABASES["default"]["NAME"] = os.environ[_DATABASE]
    django.setup()
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()


class Web:
    """A gunicorn of our own at `url`, with its workers in a process group of theirs."""

    def __init__(self, database: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "gunicorn", "-c", "python:pulseops.server.gunicorn"]
        command += ["--workers", "1", "tests.deployments.web:application"]
        environment = {**os.environ, _DATABASE: database, "PORT": str(port), "LOG_LEVEL": "ERROR"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)

    def wait_until_it_answers(self) -> None:
        wait_until(self._answers, told="gunicorn did not answer")

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/api/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """End it with all its workers at once, as a lack of memory or power would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def serve(database: str) -> Iterator[Web]:
    """Run the product on `database` until the block ends."""
    web = Web(database)
    try:
        web.wait_until_it_answers()
        yield web
    finally:
        if web.process.poll() is None:
            web.kill()
