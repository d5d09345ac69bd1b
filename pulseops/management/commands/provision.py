"""`manage.py provision`: from nothing to a key that can send, for scripts."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from pulseops.provisioning import provision


class Command(BaseCommand):
    help = (
        "Make the organisation, its admin, the service and the environment where they are missing, and a new API key. "
        "Prints one line of JSON: org_id, service_id, environment_id, api_key, email, and password for a new person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--org", required=True, help="name of the organisation")
        parser.add_argument("--email", required=True, help="address of its admin")
        parser.add_argument("--service", required=True, help="name of the service")
        parser.add_argument("--environment", required=True, help="name of the environment, such as production")
        parser.add_argument("--label", default="provisioned", help="the key's label (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        names = {option: " ".join(options[option].split()) for option in ("org", "service", "environment", "label")}
        if empty := [name for name, value in names.items() if not value]:
            raise CommandError(f"--{empty[0]} is empty.")
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"{options['email']!r} is not an e-mail address.") from error
        made = provision(
            org_name=names["org"],
            email=options["email"],
            service_name=names["service"],
            environment_name=names["environment"],
            key_label=names["label"],
        )
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
