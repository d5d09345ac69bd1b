"""Putting messages into the outbox, in the transaction of the event they tell of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import Org
from notifications.models import Channel, Job
from pulseops.core.jobs.wakeups import wake_delivery
from pulseops.core.web.correlation import correlation_id


def enqueue(*, org: Org, event: str, payload: Mapping[str, Any], subject_id: int | None = None) -> list[Job]:
    """Write one job for each channel of `org` that is on, and wake the loop on commit.

    `event` is like "incident.created"; `payload` what notifications.messages.Notice reads; messages with the same
    `subject_id` reach a channel in order.
    """
    channels = Channel.objects.for_org(org).filter(enabled=True)
    return _write(list(channels), event, payload, subject_id)


def enqueue_to(channel: Channel, *, event: str, payload: Mapping[str, Any]) -> Job:
    """Write one job for one channel, and wake the loop on commit."""
    return _write([channel], event, payload, None)[0]


def _write(channels: list[Channel], event: str, payload: Mapping[str, Any], subject_id: int | None) -> list[Job]:
    facts = {**payload, "event": event, "correlation_id": correlation_id()}
    jobs = [
        Job(
            org_id=channel.org_id,
            channel=channel,
            type=event,
            payload_json=facts,
            status=Job.Status.PENDING,
            subject_id=subject_id,
        )
        for channel in channels
    ]
    if jobs:
        Job.objects.bulk_create(jobs)
        wake_delivery()
    return jobs
