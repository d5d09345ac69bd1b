"""Which pg_dump and pg_restore to run, and how they find the database."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo

_DEBIANS = Path("/usr/lib/postgresql")
_NOT_LIBPQS = {"client_encoding", "prepare_threshold"}  # of the parameters that psycopg takes
_MAJOR = re.compile(rb"\(PostgreSQL\) (\d+)")


class ProgramsError(Exception):
    """PostgreSQL's programs are missing or of a version that does not fit; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """pg_dump and pg_restore of one major version."""

    directory: Path
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return the command that runs one of them."""
        return [str(self.directory / name), *arguments]


def server_major() -> int:
    """Return the major version of the database's server."""
    connection.ensure_connection()
    return int(connection.connection.info.server_version // 10_000)


def programs_for(major: int) -> Programs:
    """Return the programs of just this major version, else newer ones. Raises ProgramsError.

    Older ones cannot read the server; what newer ones write, older servers may not take.
    """
    found = {each.major: each for each in _installed()}
    fitting = [found[each] for each in sorted(found) if each >= major]
    if not fitting:
        raise ProgramsError(
            f"The server is PostgreSQL {major}, and pg_dump of this version or a newer one is not here. Install it "
            f"(Debian: postgresql-client-{major})."
        )
    return fitting[0]


def _installed() -> list[Programs]:
    # Where a database of its owner's is used, nothing else loads the embedded server's driver.
    from pulseops.core.postgres.embedded.binaries import installed_programs  # noqa: PLC0415
    from pulseops.core.postgres.embedded.errors import EmbeddedServerError  # noqa: PLC0415

    in_path = shutil.which("pg_dump")
    directories = [Path(in_path).parent] if in_path else []
    directories += sorted(_DEBIANS.glob("*/bin"))
    with suppress(EmbeddedServerError):
        directories.append(installed_programs())
    return [Programs(each, major) for each in directories if (major := _major_of(each))]


def _major_of(directory: Path) -> int | None:
    if not all((directory / name).is_file() for name in ("pg_dump", "pg_restore")):
        return None
    try:
        said = subprocess.run([directory / "pg_dump", "--version"], capture_output=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _MAJOR.search(said)
    return int(match[1]) if match else None


def address() -> tuple[str, dict[str, str]]:
    """Return the database's address for `--dbname`, without a password, and the environment that has it."""
    connection.ensure_connection()
    given: dict[str, Any] = {
        name: value
        for name, value in connection.get_connection_params().items()
        if isinstance(value, str | int) and name not in _NOT_LIBPQS
    }
    password = given.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    return make_conninfo(**given), environment
