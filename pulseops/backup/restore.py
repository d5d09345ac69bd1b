"""Putting a backup in the place of a database, or into a server of its own, to see that it is good."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

import pulseops
from accounts.queries import has_orgs
from logs.storage.totals import STORED
from pulseops.backup.archive import ArchiveReader, Manifest
from pulseops.backup.create import SECRETS, counts
from pulseops.backup.programs import Programs, address, programs_for, server_major
from pulseops.core.config.secrets import replace_secret
from pulseops.core.jobs.runs import heartbeats
from pulseops.core.postgres.embedded.server import EmbeddedServer
from pulseops.core.web.health import WORKER_SILENT_AFTER

_IS_EMPTY = "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')"
_HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
_EMPTY = (
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public; ALTER SCHEMA public OWNER TO pg_database_owner; "
    "GRANT USAGE ON SCHEMA public TO PUBLIC"
)


class RestoreError(Exception):
    """The backup cannot be restored here; the text says why and what to do."""


def read_through(path: Path) -> ArchiveReader:
    """Read a whole backup and return what it says of itself; raises ArchiveError where anything of it is wrong."""
    with path.open("rb") as file:
        reader = ArchiveReader(file)
        for _ in reader.pieces():
            pass
    return reader


def restore(path: Path, *, replaces: bool) -> Manifest:
    """Put the backup in the place of the database, and its secrets in the data directory.

    Everything that can be wrong is looked at before anything is changed: the whole file, versions, secrets, whether
    PulseOps runs, whether there is something to lose (`replaces` says that it may go). The caller migrates.
    Raises RestoreError, ArchiveError, ProgramsError.
    """
    reader = read_through(path)
    programs = _fitting_programs(reader.manifest)
    _check_secrets(reader.secrets)
    _check_target(replaces=replaces)
    if not _ask(_HAS_CITUS):  # which would go with the schema
        with connection.cursor() as cursor:
            cursor.execute(_EMPTY)
    name, environment = address()
    connection.close()
    _run(path, programs, name, environment)
    if not settings.DATABASE_URL:
        for each in SECRETS:
            replace_secret(settings.DATA_DIR, each, reader.secrets[each])
    return reader.manifest


def verify(path: Path) -> Manifest:
    """Restore the backup into a server of its own, count its rows, and remove it again.

    Raises ArchiveError, or RestoreError where rows are missing.
    """
    manifest = read_through(path).manifest
    with _scratch_server() as name:
        _run(path, programs_for(manifest.tools), name, {})
        with psycopg.connect(name) as session:
            found = counts(session)
            row = session.execute(STORED).fetchone()
        found["logs"] = int(row[0]) if row else 0
    wrong = _differences(manifest, found)
    if wrong:
        raise RestoreError("The backup is not what it says: " + "; ".join(wrong[:5]) + ".")
    return manifest


def _differences(manifest: Manifest, found: dict[str, int]) -> list[str]:
    """Say which tables do not have the rows that the manifest names."""
    return [
        f"{table} has {found.get(table, 0):,} rows in place of {count:,}"
        for table, count in manifest.rows.items()
        if found.get(table) != count and not (table == "logs" and manifest.may_have_more_logs and found[table] > count)
    ]


@contextmanager
def _scratch_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="pulseops-verify-") as directory:
        Path(directory).chmod(0o755)  # PostgreSQL runs as another user where we are root
        server = EmbeddedServer(Path(directory) / "postgres", settings={"fsync": "off", "full_page_writes": "off"})
        at = server.ensure_running()
        try:
            yield make_conninfo(host=at["host"], port=at["port"], user=at["user"], dbname="pulseops")
        finally:
            server.leave()


def _fitting_programs(manifest: Manifest) -> Programs:
    if _numbers(manifest.pulseops) > _numbers(pulseops.__version__):
        raise RestoreError(
            f"The backup is of PulseOps {manifest.pulseops}, this is {pulseops.__version__}. Install that version or a "
            "newer one; data of an older version is migrated, that of a newer one cannot be taken back."
        )
    major = server_major()
    if major < manifest.server:
        raise RestoreError(
            f"The backup is of a PostgreSQL {manifest.server}, the server here is {major}: restore it into "
            f"{manifest.server} or newer."
        )
    programs = programs_for(max(major, manifest.tools))
    if programs.major > major:
        raise RestoreError(
            f"The server is PostgreSQL {major}, and the backup was written by pg_dump {manifest.tools}: what "
            f"pg_restore {programs.major} says such a server does not understand. Restore it into PostgreSQL "
            f"{programs.major}, or install postgresql-client-{major} and make the backup anew."
        )
    return programs


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _check_secrets(secrets: dict[str, str]) -> None:
    """What the environment says, only its owner can change; behind a DATABASE_URL it says all."""
    fixed = [each for each in SECRETS[:2] if settings.DATABASE_URL or os.environ.get(each)]
    foreign = [each for each in fixed if getattr(settings, each) != secrets[each]]
    if foreign:
        raise RestoreError(
            f"{' and '.join(foreign)} of the environment are not those of the backup. "
            "`manage.py restore PATH --secrets` prints them; set them on every machine, then restore."
        )


def _check_target(*, replaces: bool) -> None:
    if _ask(_IS_EMPTY):
        return
    beats = heartbeats()
    if any(beats.now - at <= WORKER_SILENT_AFTER for at in beats.last.values()):
        raise RestoreError("PulseOps runs on this database, or did two minutes ago. Stop all its processes first.")
    if has_orgs() and not replaces:
        raise RestoreError("There are data here, which would be lost. Add --replace if they are to be.")
    if _ask(_HAS_CITUS):
        raise RestoreError(
            "This database is one of Citus, and not empty. Make another on all nodes (docs/operations.md, “Growing "
            "past one machine”), let DATABASE_URL name it, restore, and run manage.py distribute."
        )


def _ask(question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])


def _run(path: Path, programs: Programs, name: str, environment: dict[str, str]) -> None:
    command = programs.command(
        "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--dbname={name}"
    )
    with (
        path.open("rb") as file,
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, env=environment or None, stdin=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdin
        try:
            for piece in ArchiveReader(file).pieces():
                process.stdin.write(piece)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why it has ended
        if process.wait():
            errors.seek(0)
            raise RestoreError(f"pg_restore has failed: {errors.read().decode(errors='replace').strip()[:2000]}")
