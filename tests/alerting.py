"""Rows for the tests of notifications, incidents and alerts."""

from __future__ import annotations

from typing import Any

from accounts.models import Org
from notifications.models import Channel, Job
from notifications.outbox import enqueue


def make_channel(org: Org, url: str, *, type: str = Channel.Type.SLACK, **fields: Any) -> Channel:  # noqa: A002
    return Channel.objects.create(org=org, type=type, config_json={"webhook_url": url}, **fields)


def tell(
    org: Org, title: str = "Errors in api", *, event: str = "incident.created", about: int | None = 1
) -> list[Job]:
    """Put a message for every channel of `org` into the outbox."""
    payload = {"title": title, "severity": "high", "scope": "api / production", "path": "/incidents/1"}
    return enqueue(org=org, event=event, payload=payload, subject_id=about)
