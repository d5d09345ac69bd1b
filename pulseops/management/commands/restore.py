"""`manage.py restore`: a backup in the place of the database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from pulseops.backup.archive import ArchiveError
from pulseops.backup.programs import ProgramsError
from pulseops.backup.restore import RestoreError, read_through, restore


class Command(BaseCommand):
    help = "Put a backup in the place of the database, and its secrets in the data directory. Stop PulseOps before."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", help="a file that manage.py backup has written")
        parser.add_argument("--replace", action="store_true", help="what is in the database may be lost")
        parser.add_argument("--secrets", action="store_true", help="print the backup's secrets, and restore nothing")

    def handle(self, *, path: str, replace: bool = False, secrets: bool = False, **_options: Any) -> None:
        try:
            if secrets:
                for name, value in read_through(Path(path)).secrets.items():
                    self.stdout.write(f"{name}={value}")
                return
            manifest = restore(Path(path), replaces=replace)
        except (ArchiveError, ProgramsError, RestoreError, DatabaseError, OSError) as error:
            raise CommandError(str(error)) from error
        # By a process of its own: this one has the secrets of before.
        command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity=0"]
        if subprocess.run(command, cwd=settings.BASE_DIR, check=False).returncode:
            raise CommandError("The backup is restored, but its data could not be migrated: see above.")
        rows = sum(manifest.rows.values())
        self.stdout.write(f"Restored: {rows:,} rows of PulseOps {manifest.pulseops}, as of {manifest.created_at}.")
