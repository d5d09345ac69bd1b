"""`manage.py doctor`: says what is wrong with this installation and what to do about it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from pulseops.doctor.checkup import examine
from pulseops.doctor.findings import Finding, Level, worst


class Command(BaseCommand):
    help = "Say what is wrong and what to do. Exit code: 0 all is well, 1 there are warnings, 2 there are problems."
    requires_system_checks: list[str] = []  # they are among what it looks at

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="print only what is not well")

    def handle(self, *, quiet: bool = False, **_options: Any) -> None:
        findings = examine()
        for each in findings:
            if each.level or not quiet:
                self._write(each)
        level = worst(findings)
        if level:
            sys.exit(int(level))

    def _write(self, finding: Finding) -> None:
        style = {Level.OK: self.style.SUCCESS, Level.WARNING: self.style.WARNING, Level.PROBLEM: self.style.ERROR}
        self.stdout.write(f"{style[finding.level](f'{finding.word:8}')} {finding.subject:16} {finding.text}")
        if finding.advice:
            self.stdout.write(f"{'':25} → {finding.advice}")
