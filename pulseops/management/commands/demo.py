"""`manage.py demo`: an organisation to look around in; `--live` keeps it alive."""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import signal
import sys
import time
from argparse import ArgumentParser
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from pulseops.demo import logs
from pulseops.demo.fill import (
    DEMO_ORG,
    AddressTakenError,
    demo_file,
    demo_keys,
    demo_org,
    fill_demo,
    forget_plan,
    is_planned,
    sign_ins,
)
from pulseops.pages.error_pages import is_database_away


class Command(BaseCommand):
    help = (
        "Fill an organisation with 48 hours of believable logs, and what the other apps make of them. With --live, "
        "send it traffic through the HTTP interface instead, until Ctrl-C."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--org", default=DEMO_ORG, help="name of the organisation (default: %(default)s)")
        parser.add_argument("--live", action="store_true", help="go on with an organisation that was filled before")
        parser.add_argument(
            "--url", default=f"http://localhost:{settings.PORT}", help="with --live: of the web server (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["live"]:
            self._fill(options["org"], is_told=options["verbosity"] > 0)
            return
        if not _is_the_only_one(options["org"]):
            self.stdout.write("The demo's traffic is sent by another process of this installation.")
            return
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is no error here
        if is_planned(options["org"]) and not self._fill_as_planned(options["org"]):
            return
        _become_traffic(options["url"], _prepare_traffic(options["org"]))

    def _fill_as_planned(self, org_name: str) -> bool:
        """Fill the demo that `manage.py up` has planned; returns whether it is to go on.

        What fails for another reason than the one caught here is tried again by the supervisor, from the beginning.
        """
        is_there = demo_org(org_name) is not None  # we were killed between the commit and what follows it
        try:
            if not is_there:
                self._fill(org_name, is_told=True)
        except CommandError as error:
            self.stderr.write(f"There will be no demo: {error}")
        forget_plan(org_name)
        return settings.DEMO_LIVE and demo_org(org_name) is not None

    def _fill(self, org_name: str, *, is_told: bool) -> None:
        try:
            filled = fill_demo(timezone.now(), org_name=org_name)
        except AddressTakenError as error:
            raise CommandError(str(error)) from error
        forget_plan(org_name)
        if is_told:
            made = f"{filled.logs} logs, {filled.deployments} deployments"
            self.stdout.write("\n".join([*sign_ins(), f"            {filled.org.name}: {made}"]))


def _is_the_only_one(org_name: str) -> bool:
    """Return whether no other process sends for the organisation; from now on none does while this one lives."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(demo_file(org_name, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    os.set_inheritable(descriptor, True)  # so that it is held until the program that we become has ended
    return True


def _prepare_traffic(org_name: str) -> list[tuple[str, str, str]]:
    """Return the demo's API keys, with the names of service and environment; waits for a database that is away."""
    while True:
        try:
            org = demo_org(org_name)
            if org is None:
                raise CommandError(f"There is no demo organisation {org_name}. `manage.py demo` makes it.")
            logs.fill_gap(org, timezone.now())
            return [(*place, key) for place, key in demo_keys(org).items()]
        except OperationalError as error:
            if not is_database_away(error):
                raise
        time.sleep(2)


def _become_traffic(url: str, keys: list[tuple[str, str, str]]) -> NoReturn:
    """Replace this process by one without Django. The keys go through a pipe, for arguments can be seen by others."""
    given, giving = os.pipe()
    with os.fdopen(giving, "w") as pipe:
        json.dump({"url": url, "host": urlsplit(settings.PUBLIC_URL).netloc, "keys": keys}, pipe)
    os.dup2(given, 0)
    sys.stdout.flush()
    atexit._run_exitfuncs()  # the embedded database counts its users
    os.chdir(settings.BASE_DIR)
    os.execv(sys.executable, [sys.executable, "-m", "pulseops.demo.traffic"])  # noqa: S606
