"""Rows for the tests of notifications, incidents and alerts."""

from __future__ import annotations

from typing import Any

from accounts.models import Org
from incidents.actions import open_incident
from incidents.models import Incident
from notifications.models import Channel, Job
from notifications.outbox import enqueue
from services.models import Environment
from tests.factories import make_service


def make_channel(org: Org, url: str, *, type: str = Channel.Type.SLACK, **fields: Any) -> Channel:  # noqa: A002
    return Channel.objects.create(org=org, type=type, config_json={"webhook_url": url}, **fields)


def tell(
    org: Org, title: str = "Errors in api", *, event: str = "incident.created", about: int | None = 1
) -> list[Job]:
    """Put a message for every channel of `org` into the outbox."""
    payload = {"title": title, "severity": "high", "scope": "api / production", "path": "/incidents/1"}
    return enqueue(org=org, event=event, payload=payload, subject_id=about)


def make_incident(
    org: Org, title: str = "Checkout fails", *, environment: Environment | None = None, **fields: Any
) -> Incident:
    environment = environment or make_service(org).environments.get(name="production")
    values = {"actor": None, "severity": "med", **fields}
    return open_incident(org=org, environment=environment, title=title, **values)
