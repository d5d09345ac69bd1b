"""Addresses outside this app that its pages lead to."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from services.models import Environment, Service


def explorer_url(service: Service, environment: Environment | None = None) -> str:
    """Return where the logs of a service, or of one environment of it, are read; "" when nothing shows logs."""
    try:
        explorer = reverse("logs:explorer")
    except NoReverseMatch:
        return ""
    words = [f"service:{_quoted(service.name)}"]
    if environment:
        words.append(f"env:{_quoted(environment.name)}")
    return f"{explorer}?{urlencode({'q': ' '.join(words)})}"


def _quoted(name: str) -> str:
    """Write a name as a value of the search grammar."""
    if re.fullmatch(r"[\w.-]+", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
