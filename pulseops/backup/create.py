"""Making a backup while PulseOps runs: one snapshot of the database for the dump and for what it says of itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO

import psycopg
from django.conf import settings

import pulseops
from logs.storage.totals import COUNTED, LARGE
from logs.storage.turn import PARTITIONS_TURN
from pulseops.backup.archive import PIECE, Manifest, write_archive
from pulseops.backup.programs import Programs, address, programs_for, server_major
from pulseops.core.db.advisory_locks import session_lock
from pulseops.core.db.distribution import database_size, is_distributed

SECRETS = ("SECRET_KEY", "API_KEY_SALT", "INTERNAL_CRON_SECRET")
_TABLES = """
    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND NOT c.relispartition AND c.relname <> ALL(%s) ORDER BY 1
"""
# Citus itself is not dumped: what is restored is plain, and `distribute` makes more of it.
_EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname NOT LIKE 'citus%' ORDER BY 1"
_TURN_SECONDS = 1_800
Progress = Callable[[int, int], None]  # bytes written, and those of the database


class DumpError(Exception):
    """The dump could not be made; the text says why, or is what pg_dump said."""


def create_backup(target: BinaryIO, *, progress: Progress, bytes_per_second: int = 0) -> Manifest:
    """Write a backup of the database and its secrets to `target`; at most so many bytes a second, 0: no limit.

    Raises DumpError, ProgramsError, OSError.
    """
    major = server_major()
    programs = programs_for(major)
    name, environment = address()
    with _logs_held_still(), psycopg.connect(name, password=environment.get("PGPASSWORD")) as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [snapshot] = session.execute("SELECT pg_export_snapshot()").fetchone() or ()
        manifest = _manifest(session, major, programs)
        command = programs.command(
            "pg_dump", "--format=custom", "--compress=3", "--no-owner", "--no-privileges",
            "--lock-wait-timeout=60s", f"--snapshot={snapshot}", f"--dbname={name}", *_only_ours(session),
        )  # fmt: skip
        secrets = {each: str(getattr(settings, each)) for each in SECRETS}
        pieces = _throttled(_output(command, environment), bytes_per_second)
        for written in write_archive(target, manifest, secrets, pieces):
            progress(written, manifest.database_bytes)
    return manifest


@contextmanager
def _logs_held_still() -> Iterator[None]:
    """On Citus, let no job move logs between tables meanwhile: a snapshot is of the coordinator's rows alone."""
    if not is_distributed():
        yield
        return
    with session_lock(f"turn:{PARTITIONS_TURN}", wait_seconds=_TURN_SECONDS) as is_held:
        if not is_held:
            raise DumpError("A job works on the days of logs for half an hour already. Make the backup later.")
        yield


def _only_ours(session: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    if not is_distributed():
        return []
    return [f"--extension={name}" for (name,) in session.execute(_EXTENSIONS).fetchall()]


def counts(session: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """Count the rows of every table but the largest, and the logs by their counts."""
    tables = [str(row[0]) for row in session.execute(_TABLES, [list(LARGE)]).fetchall()]
    result = {table: _number(session, f'SELECT count(*) FROM "{table}"') for table in tables}  # noqa: S608 - from the catalog
    return {**result, "logs": _number(session, COUNTED)}


def _number(session: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    row = session.execute(statement.encode()).fetchone()
    return int(str(row[0])) if row else 0


def _manifest(session: psycopg.Connection[tuple[object, ...]], major: int, programs: Programs) -> Manifest:
    size = database_size()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = counts(session)
    return Manifest(pulseops.__version__, major, programs.major, size, now, rows, may_have_more_logs=is_distributed())


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
