"""`manage.py backup`: the database and its secrets in one file, while PulseOps runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from pulseops.backup import schedule
from pulseops.backup.archive import ArchiveError
from pulseops.backup.create import DumpError, create_backup
from pulseops.backup.programs import ProgramsError
from pulseops.backup.restore import RestoreError, verify
from pulseops.core.jobs.registry import record_success
from pulseops.core.ui.times import duration

_MIB = 1024**2
_FAILURES = (ArchiveError, DumpError, ProgramsError, RestoreError, DatabaseError, OSError)


class Command(BaseCommand):
    help = "Write database and secrets to one file, while PulseOps runs. The file is as secret as what is in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", help="the file; -: standard output, for a program that takes it away")
        parser.add_argument("--verify", action="store_true", help="restore the file into a server of its own and count")
        parser.add_argument("--scheduled", action="store_true", help="write to BACKUP_DIR, and remove what is too old")

    def handle(self, *, path: str | None, verify: bool = False, scheduled: bool = False, **_options: Any) -> None:
        if scheduled == bool(path) or (scheduled and not settings.BACKUP_DIR):
            raise CommandError("Name a file, or set BACKUP_DIR and say --scheduled.")
        try:
            if verify and path:
                self._verify(Path(path))
            elif path == "-":
                self._stream()
            else:
                self._write(Path(path) if path else schedule.scheduled_path())
                if scheduled:
                    schedule.prune()
        except _FAILURES as error:
            raise CommandError(str(error)) from error

    @property
    def _rate(self) -> int:
        return int(settings.BACKUP_BYTES_PER_SECOND)

    def _write(self, path: Path) -> None:
        began = time.monotonic()
        result = schedule.back_up(str(path.absolute()), self._progress)
        if result is None:
            raise CommandError("Another backup is being made.")
        took = duration(time.monotonic() - began)
        self.stdout.write(f"{path}: {result['bytes'] / _MIB:.1f} MiB, made in {took}.")

    def _stream(self) -> None:
        """Write to standard output; that it was taken away whole is for the program behind it to say."""
        began, length = time.monotonic(), 0

        def progress(written: int, whole: int) -> None:
            nonlocal length
            length = written
            self._progress(written, whole)

        create_backup(sys.stdout.buffer, progress=progress, bytes_per_second=self._rate)
        sys.stdout.buffer.flush()
        record_success(schedule.JOB, time.monotonic() - began, {"path": "standard output", "bytes": length})

    def _verify(self, path: Path) -> None:
        manifest = verify(path)
        rows = sum(manifest.rows.values())
        self.stdout.write(f"{path} is good: {rows:,} rows of PulseOps {manifest.pulseops}, {manifest.created_at}.")

    def _progress(self, written: int, whole: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{written / _MIB:,.0f} MiB of a database of {whole / _MIB:,.0f} MiB ", ending="")
