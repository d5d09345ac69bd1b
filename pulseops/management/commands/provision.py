"""`manage.py provision`: from nothing to a key that can send, for scripts."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts.queries import admin_emails
from pulseops.provisioning import Provisioned, UnknownOrgError, provision


class Command(BaseCommand):
    help = (
        "Create organisation, its admin, the service and the environment where they are missing, and a new API key. "
        "Prints one line of JSON: org_id, service_id, environment_id, api_key, email, and password for a new person. "
        "Whose organisation it is stands on stderr."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--org",
            default="",
            help="name of an organisation of which the person is an admin; else a new one",
        )
        parser.add_argument("--org-id", type=UUID, help="id of the organisation, of which the person becomes an admin")
        parser.add_argument("--email", required=True, help="address of its admin")
        parser.add_argument("--service", required=True, help="name of the service")
        parser.add_argument("--environment", required=True, help="name of the environment, such as production")
        parser.add_argument("--label", default="provisioned", help="the key's label (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = ("service", "environment", "label") if options["org_id"] else ("org", "service", "environment", "label")
        names = {option: " ".join(options[option].split()) for option in asked}
        if empty := [name for name, value in names.items() if not value]:
            raise CommandError(f"--{empty[0]} is empty.")
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"{options['email']!r} is not an e-mail address.") from error
        try:
            made = provision(
                org=options["org_id"] or names["org"],
                email=options["email"],
                service_name=names["service"],
                environment_name=names["environment"],
                key_label=names["label"],
            )
        except UnknownOrgError as error:
            raise CommandError(str(error)) from error
        self._tell_whose(made)
        line = {
            "org_id": str(made.org.pk),
            "service_id": str(made.service.pk),
            "environment_id": str(made.environment.pk),
            "api_key": made.api_key,
            "email": made.user.email,
        }
        if made.password:
            line["password"] = made.password
        self.stdout.write(json.dumps(line))

    def _tell_whose(self, made: Provisioned) -> None:
        """Say on stderr whose organisation the key belongs to, and whether the person was there before."""
        known = "" if made.password else f" {made.user.email} has had an account since {made.user.created_at:%Y-%m-%d}."
        state = "new" if made.is_new_org else f"made {made.org.created_at:%Y-%m-%d}"
        admins = ", ".join(admin_emails(made.org))
        self.stderr.write(f"Organisation {made.org.name} ({made.org.pk}), {state}. Its admins: {admins}.{known}")
