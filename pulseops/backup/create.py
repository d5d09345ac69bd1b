"""Making a backup while PulseOps runs: one snapshot of the database for the dump and for what it says of itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

import psycopg
from django.conf import settings

import pulseops
from logs.storage.totals import COUNTED, LARGE
from pulseops.backup.archive import PIECE, Manifest, write_archive
from pulseops.backup.programs import Programs, address, programs_for, server_major

SECRETS = ("SECRET_KEY", "API_KEY_SALT", "INTERNAL_CRON_SECRET")
_TABLES = """
    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND NOT c.relispartition AND c.relname <> ALL(%s) ORDER BY 1
"""
Progress = Callable[[int, int], None]  # bytes written, and those of the database


class DumpError(Exception):
    """pg_dump has failed; the text is what it said."""


def create_backup(target: BinaryIO, *, progress: Progress, bytes_per_second: int = 0) -> Manifest:
    """Write a backup of the database and its secrets to `target`; at most so many bytes a second, 0: no limit.

    Raises DumpError, ProgramsError, OSError.
    """
    major = server_major()
    programs = programs_for(major)
    name, environment = address()
    with psycopg.connect(name, password=environment.get("PGPASSWORD")) as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [snapshot] = session.execute("SELECT pg_export_snapshot()").fetchone() or ()
        manifest = _manifest(session, major, programs)
        command = programs.command(
            "pg_dump", "--format=custom", "--compress=3", "--no-owner", "--no-privileges",
            "--lock-wait-timeout=60s", f"--snapshot={snapshot}", f"--dbname={name}",
        )  # fmt: skip
        secrets = {each: str(getattr(settings, each)) for each in SECRETS}
        pieces = _throttled(_output(command, environment), bytes_per_second)
        for written in write_archive(target, manifest, secrets, pieces):
            progress(written, manifest.database_bytes)
    return manifest


def counts(session: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """Count the rows of every table but the largest, and the logs by their counts."""
    tables = [str(row[0]) for row in session.execute(_TABLES, [list(LARGE)]).fetchall()]
    result = {table: _number(session, f'SELECT count(*) FROM "{table}"') for table in tables}  # noqa: S608 - from the catalog
    return {**result, "logs": _number(session, COUNTED)}


def _number(session: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    row = session.execute(statement.encode()).fetchone()
    return int(str(row[0])) if row else 0


def _manifest(session: psycopg.Connection[tuple[object, ...]], major: int, programs: Programs) -> Manifest:
    size = _number(session, "SELECT pg_database_size(current_database())")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(pulseops.__version__, major, programs.major, size, now, counts(session))


def _output(command: list[str], environment: dict[str, str]) -> Iterator[bytes]:
    """Run a program and give what it writes; raises DumpError when it fails."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        try:
            while piece := process.stdout.read(PIECE):
                yield piece
        except BaseException:
            process.kill()
            raise
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise DumpError(f"pg_dump has failed: {said}")


def _throttled(pieces: Iterator[bytes], bytes_per_second: int) -> Iterator[bytes]:
    """Give the pieces no faster than that; pg_dump waits, and with it the load that it makes."""
    began, given = time.monotonic(), 0
    for piece in pieces:
        yield piece
        given += len(piece)
        if bytes_per_second and (ahead := given / bytes_per_second - (time.monotonic() - began)) > 0:
            time.sleep(ahead)
