"""`manage.py postgres`: look into the embedded PostgreSQL, and run its programs on it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

if TYPE_CHECKING:
    from pulseops.core.postgres.embedded.server import EmbeddedServer

_HELP = """\
status              where it is, whether it runs and where it listens
url                 its address, for other programs, while it runs
stop                stop it, unless a process uses it
PROGRAM [ARGS ...]  run psql, pg_dump, pg_restore or any other of its programs on it; starts it for as long as needed
"""


class Command(BaseCommand):
    """Tells an operator about the embedded PostgreSQL and runs its programs."""

    help = "Look into the embedded PostgreSQL, and run its programs on it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = argparse.RawTextHelpFormatter
        parser.add_argument("--superuser", action="store_true", help="run PROGRAM as postgres, not as pulseops_owner")
        parser.add_argument("action", help=_HELP)
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)

    def handle(self, *, action: str, arguments: list[str], superuser: bool = False, **_options: Any) -> None:
        # By the engine, so that nothing of it is imported where DATABASE_URL switches it off.
        if connection.settings_dict["ENGINE"] != "pulseops.core.postgres":
            raise CommandError("The embedded PostgreSQL is not in use, because DATABASE_URL is set.")
        server: EmbeddedServer = connection.server  # type: ignore[attr-defined]
        try:
            if action == "status":
                self._tell_status(server)
            elif action == "url":
                self._tell_url(server)
            elif action == "stop":
                self._stop(server)
            else:
                _run(server, action, arguments, as_superuser=superuser)
        except psycopg.OperationalError as error:
            raise CommandError(str(error)) from error

    def _tell_status(self, server: EmbeddedServer) -> None:
        status = server.status()
        self.stdout.write(f"directory  {status.home}")
        self.stdout.write(f"state      {f'running, process {status.pid}' if status.pid else 'not running'}")
        if status.address:
            self.stdout.write(f"socket     {status.address['host']}")

    def _tell_url(self, server: EmbeddedServer) -> None:
        address = server.status().address
        if address is None:
            raise CommandError("It does not run. `manage.py postgres psql` starts it for as long as psql runs.")
        database = quote(connection.settings_dict["NAME"])
        self.stdout.write(f"postgresql://{address['user']}@/{database}?host={quote(address['host'], safe='')}")

    def _stop(self, server: EmbeddedServer) -> None:
        if not server.leave():
            raise CommandError("Processes of PulseOps use it and would start it again. Stop them first.")
        self.stdout.write("It is stopped.")


def _run(server: EmbeddedServer, program: str, arguments: list[str], *, as_superuser: bool) -> None:
    from pulseops.core.postgres.client import run_program  # noqa: PLC0415 - see handle()

    database = connection.settings_dict["NAME"]
    status = run_program(server, program, arguments, database=database, as_superuser=as_superuser).returncode
    if status:
        raise CommandError(f"{program} ended with status {status}.", returncode=abs(status))
