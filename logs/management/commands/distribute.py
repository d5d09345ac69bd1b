"""`manage.py distribute`: hand the logs to the workers of Citus, beside a running installation."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from logs.storage.distribute import SHARDS, CannotDistributeError, refuse_unready, steps
from logs.storage.turn import PARTITIONS_TURN
from pulseops.core.db.advisory_locks import session_lock

_TURN_SECONDS = 120  # for a job that moves or indexes days


class Command(BaseCommand):
    help = (
        "Hand logs, log_counts and log_blocks to the workers of Citus, by organisation. What is done already is not "
        "done again, so a run that was interrupted is gone on with."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shards", type=int, default=SHARDS, help="two to four for each worker that is to come")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            refuse_unready()
        except CannotDistributeError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            for text, _ in steps(timezone.now(), options["shards"]):
                self.stdout.write(text)
            return
        with session_lock(f"turn:{PARTITIONS_TURN}", wait_seconds=_TURN_SECONDS) as has_turn:
            if not has_turn:
                raise CommandError("A job is at work on the partitions of logs. Run this again in some minutes.")
            self._distribute(options["shards"])

    def _distribute(self, shards: int) -> None:
        for text, do in steps(timezone.now(), shards):
            self.stdout.write(text)
            try:
                do()
            except OperationalError as error:
                if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                    raise
                raise CommandError("Logs are in use by something that holds a lock. Run this again.") from error
        self.stdout.write("The logs are distributed. Running processes notice within a minute.")
