"""`manage.py dbshell` and `manage.py postgres psql`: the package's own programs, on the embedded server."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from typing import Any

from django.db.backends.postgresql.client import DatabaseClient as PostgresClient

from pulseops.core.postgres.embedded.binaries import installed_programs, program
from pulseops.core.postgres.embedded.roles import SUPERUSER
from pulseops.core.postgres.embedded.server import EmbeddedServer


class DatabaseClient(PostgresClient):
    """Opens psql on the embedded server."""

    connection: Any  # our DatabaseWrapper, which imports this file

    def runshell(self, parameters: Iterable[str]) -> None:
        """Run psql with `parameters`. Raises subprocess.CalledProcessError when it fails."""
        database = self.connection.settings_dict["NAME"]
        run_program(self.connection.server, "psql", parameters, database=database).check_returncode()


def run_program(
    server: EmbeddedServer, name: str, arguments: Iterable[str], *, database: str, as_superuser: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """Run PostgreSQL's program `name`, which finds the server and `database` by its environment, in this terminal.

    This process is its parent and counts as a user, so the server runs as long. Raises EmbeddedServerError when the
    server cannot run or has no such program.
    """
    command = [str(program(installed_programs(), name)), *arguments]
    address = server.ensure_running()
    environment = {
        "PGHOST": address["host"],
        "PGPORT": str(address["port"]),
        "PGUSER": SUPERUSER if as_superuser else address["user"],
        "PGDATABASE": database,
    }
    # Ctrl-C is for the program (psql cancels its query). Not SIG_IGN, which the program would inherit.
    handler = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        return subprocess.run(command, env={**os.environ, **environment}, check=False)
    finally:
        signal.signal(signal.SIGINT, handler)
