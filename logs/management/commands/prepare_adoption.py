"""`manage.py prepare_adoption`: shorten the time for which `migrate` will lock an old table of logs."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from logs.storage.prepare_adoption import build_ahead, can_be_prepared


class Command(BaseCommand):
    help = (
        "Build the indexes that `migrate` needs on a large table of logs of older software, while that goes on. It may "
        "be interrupted and run again. Nothing else is changed."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if not can_be_prepared():
            self.stdout.write("There is no table of logs to prepare.")
            return
        started = time.monotonic()
        for name in build_ahead():
            self.stdout.write(f"{name} stands after {time.monotonic() - started:.1f} s")
