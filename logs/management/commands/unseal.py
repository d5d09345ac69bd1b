"""`manage.py unseal FROM TO`: sealed logs become rows of `logs` again, for software that reads that table by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from logs.storage.blocks.unseal import unseal


class Command(BaseCommand):
    help = "Write sealed logs back as rows of the table logs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("start", metavar="FROM", help="2026-03-17 or 2026-03-17T08:00, UTC unless it says a zone")
        parser.add_argument("end", metavar="TO", help="the same; logs before it")

    def handle(self, *, start: str, end: str, **options: Any) -> None:
        if settings.LOG_SEAL:
            raise CommandError("Set LOG_SEAL=0 first: what is over would be sealed again within a minute.")
        done = unseal(_moment(start), _moment(end))
        self.stdout.write(f"{done.logs:,} logs of {done.blocks:,} blocks are rows again.")
        if done.damaged:
            self.stdout.write(f"{done.damaged:,} blocks are damaged and were left as they are.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not a time such as 2026-03-17T08:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
