"""`manage.py demo`: an organisation to look around in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from pulseops.demo import DEMO_EMAIL, DEMO_ORG, demo_password, fill_demo


class Command(BaseCommand):
    help = "Fill an organisation with 48 hours of believable logs, and what the other apps make of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--org", default=DEMO_ORG, help="name of the organisation (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        filled = fill_demo(timezone.now(), org_name=options["org"])
        if options["verbosity"]:
            made = f"{filled.logs} logs, {filled.deployments} deployments"
            self.stdout.write(f"{filled.org.name}: {made}. Sign in as {DEMO_EMAIL} {demo_password()}")
