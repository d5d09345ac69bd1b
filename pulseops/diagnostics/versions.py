"""What runs here."""

from __future__ import annotations

import platform
from importlib.metadata import version

from django.db import connection

import pulseops


def versions() -> list[tuple[str, str]]:
    """Return the parts and their versions; no query, for the server said its version when we connected."""
    connection.ensure_connection()
    server = connection.connection.info.parameter_status("server_version")
    return [
        ("PulseOps", pulseops.__version__),
        ("PostgreSQL", server),
        ("Python", platform.python_version()),
        ("Django", version("django")),
        ("django-q2", version("django-q2")),
        ("psycopg", version("psycopg")),
        ("System", f"{platform.system()} {platform.release()} {platform.machine()}"),
    ]
