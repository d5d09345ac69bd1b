"""`manage.py reencrypt_secrets`: what the database holds encrypted, by the SECRET_KEY of today."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actions.two_factor import reencrypt_factors
from accounts.oidc.actions import reencrypt_client_secrets
from deployments.actions import note_former_keys
from notifications.actions import encrypt_addresses
from pulseops.core.secret_check import HINT, accept_secrets, consequence, foreign_secrets, stored_values

_WORK = (
    ("second factors", reencrypt_factors),
    ("addresses of channels", encrypt_addresses),
    ("secrets of identity providers", reencrypt_client_secrets),
)


class Command(BaseCommand):
    help = (
        "After a change of SECRET_KEY, with the one before in SECRET_KEY_FALLBACKS: encrypt anew what the database "
        "holds encrypted, and say what still needs the one before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--accept",
            action="store_true",
            help="take the secrets of today as this database's, although what others encrypted stays unreadable",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        foreign = foreign_secrets(stored_values())
        if foreign and not options["accept"]:
            raise CommandError("\n".join([*map(consequence, foreign), HINT]))
        for what, work in _WORK:
            done, unreadable = work()
            self.stdout.write(
                f"{done} {what} encrypted anew" + (f", {unreadable} cannot be read" if unreadable else "")
            )
        accept_secrets()
        self._tell_of_github()

    def _tell_of_github(self) -> None:
        remaining = note_former_keys()
        for integration in remaining:
            name = f"{integration.repo_owner}/{integration.repo_name} ({integration.service})"
            self.stdout.write(
                f"GitHub's secret for {name} is of a former SECRET_KEY. It is verified as long as SECRET_KEY_FALLBACKS "
                "holds that key: create a new one on its page first."
            )
        if not remaining:
            self.stdout.write("Nothing needs SECRET_KEY_FALLBACKS any more, but links and sessions of the last hour.")
