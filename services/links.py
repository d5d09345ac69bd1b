"""Addresses outside this app that its pages lead to."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlencode

from pulseops.core.routes import address
from pulseops.core.ui.times import to_url
from services.models import Environment, Service


def explorer_url(
    service: Service | None = None,
    environment: Environment | None = None,
    *,
    words: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> str:
    """Return where the logs of a service or environment that match `words` are read, in [since, until) if given.

    It is "" when nothing shows logs.
    """
    explorer = address("logs:explorer")
    scope = [f"{key}:{_quoted(each.name)}" for key, each in (("service", service), ("env", environment)) if each]
    query = {
        "q": " ".join(filter(None, [*scope, words])),
        "from": to_url(since) if since else "",
        "to": to_url(until) if until else "",
    }
    said = urlencode({name: value for name, value in query.items() if value})
    return f"{explorer}?{said}" if explorer and said else explorer


def _quoted(name: str) -> str:
    """Write a name as a value of the search grammar."""
    if re.fullmatch(r"[\w.-]+", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
