"""`manage.py up`: everything, on this machine, with one command."""

from __future__ import annotations

import os
import socket
import sys
import time
from argparse import ArgumentParser
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from accounts.queries import has_orgs
from pulseops.core.config.staticfiles import collect_changed
from pulseops.demo.fill import COLLEAGUES, DEMO_EMAIL, demo_org, demo_password
from pulseops.pages.error_pages import is_database_away
from pulseops.server.options import HOST
from pulseops.server.supervision import are_ending

_LEFTOVERS_SECONDS = 20  # for what a killed supervisor left behind


class Command(BaseCommand):
    help = (
        "Prepare the database, static files and (on the first run) demo data, then run web and worker until Ctrl-C. "
        "Reads PORT, HOST, DATABASE_URL, PULSEOPS_DATA_DIR, PULSEOPS_DEMO and PULSEOPS_DEMO_LIVE."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--collect-only", action="store_true", help="fill STATIC_ROOT alone, as an image does")
        parser.add_argument("--prepare-only", action="store_true", help="stop before starting web and worker")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["collect_only"]:
            collect_static()
            return
        if not options["prepare_only"]:
            _refuse_taken_port()
        self._prepare()
        self._greet()
        if not options["prepare_only"]:
            sys.stdout.flush()
            _supervise("Procfile.demo" if _is_live() else "Procfile")

    def _prepare(self) -> None:
        self.stderr.write("Preparing the database …")
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            if not is_database_away(error):
                raise
            whose = "of DATABASE_URL " if settings.DATABASE_URL else ""
            raise CommandError(f"The database {whose}cannot be reached. {error}".strip()) from error
        if not settings.DEBUG:
            collect_static()
        if settings.DEMO and not has_orgs():
            self.stderr.write("Filling a demo organisation …")
            call_command("demo", verbosity=0)

    def _greet(self) -> None:
        lines = ["", f"  PulseOps  {self.style.SUCCESS(settings.PUBLIC_URL)}"]
        if password := demo_password():
            lines += [f"  Demo      {DEMO_EMAIL}  {password}"]
            lines += [
                f"            {email}, a {role}, has the same password" for email, (_, role) in COLLEAGUES.items()
            ]
        lines += ["  Stop      Ctrl-C", ""]
        self.stdout.write("\n".join(lines))


def collect_static() -> None:
    """Fill STATIC_ROOT where something has changed. Raises CommandError where it cannot be written."""
    try:
        collect_changed()
    except OSError as error:
        raise CommandError(f"STATIC_ROOT is {settings.STATIC_ROOT}, which cannot be written: {error}") from error


def _is_live() -> bool:
    """Whether there is a demo that goes on while we run."""
    return settings.DEMO and settings.DEMO_LIVE and demo_org() is not None


def _refuse_taken_port() -> None:
    until = time.monotonic() + _LEFTOVERS_SECONDS
    while (error := _try_port()) and time.monotonic() < until and are_ending(settings.DATA_DIR):
        time.sleep(0.1)
    if error is None:
        return
    who = " PulseOps answers there: is it running already?" if _pulseops_answers() else ""
    raise CommandError(
        f"Port {settings.PORT} on {HOST} cannot be used ({error.strerror}).{who} Choose another: PORT={_next_port()}."
    ) from error


def _try_port() -> OSError | None:
    family = socket.AF_INET6 if ":" in HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, settings.PORT))
        except OSError as error:
            return error
    return None


def _pulseops_answers() -> bool:
    peer = HTTPConnection(_local_host(), settings.PORT, timeout=2)
    try:
        peer.request("GET", "/api/health")
        return peer.getresponse().read(100) == b'{"data": {"ok": true}}'
    except (OSError, HTTPException):
        return False
    finally:
        peer.close()


def _next_port() -> int:
    return settings.PORT + 1 if settings.PORT < 65535 else 8000


def _supervise(procfile: str) -> None:
    """Replace this process by the supervisor, which runs what `procfile` says."""
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
        "PORT": str(settings.PORT),
        "PUBLIC_URL": settings.PUBLIC_URL,
        "WEB_URL": _web_url(),
        "SYSLOG_LISTENERS": settings.SYSLOG_LISTENERS,
        "LOG_FORMAT": os.environ.get("LOG_FORMAT") or ("text" if sys.stderr.isatty() else "json"),
    }
    os.chdir(settings.BASE_DIR)
    supervisor = [sys.executable, "-m", "pulseops.server.supervisor", str(settings.DATA_DIR.absolute()), procfile]
    os.execve(sys.executable, supervisor, environment)  # noqa: S606


def _web_url() -> str:
    """Return where the web server is reached from this machine."""
    host = _local_host()
    return f"http://[{host}]:{settings.PORT}" if ":" in host else f"http://{host}:{settings.PORT}"


def _local_host() -> str:
    """Return where the web server listens; where that is the address of all, one of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(HOST, HOST)  # noqa: S104
