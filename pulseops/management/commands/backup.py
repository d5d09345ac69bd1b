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
from pulseops.backup.object_storage import StorageError, object_url
from pulseops.backup.programs import ProgramsError
from pulseops.backup.restore import RestoreError, verify
from pulseops.core.jobs.registry import record_success
from pulseops.core.ui.times import duration

_MIB = 1024**2
_FAILURES = (ArchiveError, DumpError, ProgramsError, RestoreError, StorageError, DatabaseError, OSError)


class Command(BaseCommand):
    help = "Write database and secrets to one file, while PulseOps runs. The file is as secret as what is in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", help="the file; -: standard output, for a program that takes it away")
        parser.add_argument("--to", metavar="s3://BUCKET/NAME", help="an S3-compatible storage, by boto3")
        parser.add_argument("--verify", action="store_true", help="restore the file into a server of its own and count")
        parser.add_argument("--scheduled", action="store_true", help="write to BACKUP_DIR, and remove what is too old")

    def handle(
        self, *, path: str | None, to: str = "", verify: bool = False, scheduled: bool = False, **_options: Any
    ) -> None:
        if [bool(path), bool(to), scheduled].count(True) != 1 or (scheduled and not settings.BACKUP_DIR):
            raise CommandError("Name a file, or a storage by --to, or set BACKUP_DIR and say --scheduled.")
        if verify and not path:
            raise CommandError("--verify reads a file: name it.")
        try:
            if path:
                self._handle_file(path, is_read=verify)
            elif to:
                self._write(object_url(to, schedule.SUFFIX))
            else:
                self._write(str(schedule.scheduled_path().absolute()))
                schedule.prune()
        except _FAILURES as error:
            raise CommandError(str(error)) from error

    def _handle_file(self, path: str, *, is_read: bool) -> None:
        if is_read:
            self._verify(Path(path))
        elif path == "-":
            self._stream()
        else:
            self._write(str(Path(path).absolute()))

    @property
    def _rate(self) -> int:
        return int(settings.BACKUP_BYTES_PER_SECOND)

    def _write(self, target: str) -> None:
        began = time.monotonic()
        result = schedule.back_up(target, self._progress)
        if result is None:
            raise CommandError("Another backup is being made.")
        took = duration(time.monotonic() - began)
        self.stdout.write(f"{target}: {result['bytes'] / _MIB:.1f} MiB, made in {took}.")

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
