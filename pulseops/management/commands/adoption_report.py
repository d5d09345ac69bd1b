"""`manage.py adoption_report`: what becomes, or became, of a database that other software made."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from pulseops.adoption.report import gather


class Command(BaseCommand):
    help = (
        "Say what `migrate` will change, or has changed, in a database of older software, and what needs a person. "
        "Before, the takeover is tried out in a transaction that is taken back; the old software has to wait as long. "
        "Exit code: 0 all is well, 1 something needs a person, 2 rows are missing or the takeover cannot work."
    )
    requires_system_checks = ()  # it has to tell what is wrong, not refuse

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        report = gather()
        lines = [json.dumps(report.to_json(), indent=2)] if options["json"] else report.lines()
        for line in lines:
            self.stdout.write(line)
        if report.exit_code:
            sys.exit(report.exit_code)
