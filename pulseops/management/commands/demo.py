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
    COLLEAGUES,
    DEMO_EMAIL,
    DEMO_ORG,
    AddressTakenError,
    demo_file,
    demo_keys,
    demo_org,
    demo_password,
    fill_demo,
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
        if options["live"]:
            if not _is_the_only_one(options["org"]):
                self.stdout.write("The demo's traffic is sent by another process of this installation.")
                return
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is no error here
            _become_traffic(options["url"], _prepare_traffic(options["org"]))
        try:
            filled = fill_demo(timezone.now(), org_name=options["org"])
        except AddressTakenError as error:
            raise CommandError(str(error)) from error
        if options["verbosity"]:
            made = f"{filled.logs} logs, {filled.deployments} deployments"
            self.stdout.write(f"{filled.org.name}: {made}. Sign in with {demo_password()} as")
            people = {DEMO_EMAIL: "admin", **{email: role for email, (_, role) in COLLEAGUES.items()}}
            self.stdout.writelines(f"  {email}  ({role})" for email, role in people.items())


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
