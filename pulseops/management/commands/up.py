"""`manage.py up`: everything, on this machine, with one command."""

from __future__ import annotations

import os
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from accounts.queries import has_orgs
from pulseops.core.config.staticfiles import collect_changed
from pulseops.demo.fill import demo_org, is_planned, plan_demo, sign_ins
from pulseops.pages.error_pages import is_database_away
from pulseops.server.forks import Fork
from pulseops.server.options import HOST
from pulseops.server.preload import load_code, load_everything
from pulseops.server.supervision import are_ending, end_with_supervisor
from pulseops.server.supervisor import SUPERVISOR, supervise

_LEFTOVERS_SECONDS = 20  # for what a killed supervisor left behind
_WITH_DEMO = 99  # exit code of what prepares, where there is a demo to be filled, or one that goes on


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
        if options["prepare_only"]:
            self._prepare_database()
            self._fill_demo()
            _prepare_static()
            self._greet()
            return
        _refuse_taken_port()
        _supervise("Procfile.demo" if self._prepare_beside() else "Procfile")

    def _prepare_beside(self) -> bool:
        """Prepare all in processes of their own, and load meanwhile what our programs are to have in memory.

        Returns whether there is a demo to be filled, or one that goes on.
        """
        os.environ[SUPERVISOR] = str(os.getpid())
        works = {"static": _prepare_static, "migrate": self._prepare_database}
        processes = [Fork(name, partial(self._do_and_exit, work)) for name, work in works.items()]
        try:
            load_code()
            codes = [process.wait() for process in processes]
        finally:
            for process in processes:
                process.terminate()
        if failed := [code for code in codes if code not in {0, _WITH_DEMO}]:
            sys.exit(abs(failed[0]))
        self._greet()
        sys.stdout.flush()
        load_everything()
        return _WITH_DEMO in codes

    def _do_and_exit(self, work: Callable[[], int | None]) -> NoReturn:
        """End without Python's own end, in which the embedded database would be stopped; it is needed at once."""
        end_with_supervisor()
        try:
            code = work() or 0
        except CommandError as error:
            self.stderr.write(f"CommandError: {error}")
            code = error.returncode
        os._exit(code)

    def _prepare_database(self) -> int:
        self.stderr.write("Preparing the database …")
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            if not is_database_away(error):
                raise
            whose = "of DATABASE_URL " if settings.DATABASE_URL else ""
            raise CommandError(f"The database {whose}cannot be reached. {error}".strip()) from error
        if settings.DEMO and not has_orgs():
            plan_demo()
        return _WITH_DEMO if is_planned() or _is_live() else 0

    def _fill_demo(self) -> None:
        if is_planned():
            self.stderr.write("Filling a demo organisation …")
            call_command("demo", verbosity=0)

    def _greet(self) -> None:
        """Say where PulseOps is. The sign-ins of a demo that is not filled yet are printed when they work."""
        demo = ["  Demo      is being filled; its sign-ins follow here"] if is_planned() else sign_ins()
        lines = ["", f"  PulseOps  {self.style.SUCCESS(settings.PUBLIC_URL)}", *demo, "  Stop      Ctrl-C", ""]
        self.stdout.write("\n".join(lines))


def _prepare_static() -> None:
    if not settings.DEBUG:
        collect_static()


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


def _supervise(procfile: str) -> NoReturn:
    """Be the supervisor, which runs what `procfile` says."""
    os.environ |= {
        "PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
        "PORT": str(settings.PORT),
        "PUBLIC_URL": settings.PUBLIC_URL,
        "WEB_URL": _web_url(),
        "LOG_FORMAT": settings.LOG_FORMAT,
    }
    os.chdir(settings.BASE_DIR)
    sys.exit(supervise(settings.DATA_DIR.absolute(), Path(procfile)))


def _web_url() -> str:
    """Return where the web server is reached from this machine."""
    host = _local_host()
    return f"http://[{host}]:{settings.PORT}" if ":" in host else f"http://{host}:{settings.PORT}"


def _local_host() -> str:
    """Return where the web server listens; where that is the address of all, one of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(HOST, HOST)  # noqa: S104
