"""Channels for the demo that lead nowhere, and the deliveries that its story would have made."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from accounts.models import Org
from notifications.channels.posting import DEMO_HOST
from notifications.models import Channel, Job
from notifications.webhook_addresses import with_address

_CHANNELS = (("#on-call", "slack"), ("#shop-status", "discord"))
_TOOK = timedelta(milliseconds=340)  # from the event to the receiver's answer
_BACKOFF = timedelta(seconds=63)


def fill(org: Org, since: datetime) -> None:
    """Add a Slack and a Discord channel as if they were there from `since`, unless the organisation has channels.

    Their address is of a host that cannot exist. What is sent to it is taken without a connection being made.
    """
    if Channel.objects.for_org(org).exists():
        return
    for name, kind in _CHANNELS:
        config = with_address({}, f"https://{DEMO_HOST}/{kind}/{name.removeprefix('#')}")
        Channel.objects.create(org=org, type=kind, name=name, config_json=config, created_at=since)


def deliver(org: Org, began: datetime) -> int:
    """Let what the story has put into the outbox from `began` on be sent, and leave the rows of a delivery behind.

    The first message to Discord needed a second attempt. Messages for channels of someone's own are dropped: they tell
    of what never happened. Returns how many were sent. Call it in the transaction that made them.
    """
    told = Job.objects.for_org(org).filter(created_at__gte=began, status=Job.Status.PENDING).select_related("channel")
    jobs = [job for job in told if job.channel and job.channel.is_demo]
    told.exclude(pk__in=[job.pk for job in jobs]).delete()
    jobs.sort(key=lambda job: str(job.payload_json["at"]))
    retried = next((job for job in jobs if job.channel and job.channel.type == "discord"), None)
    for job in jobs:
        _send(job, attempts=2 if job is retried else 1)
    Job.objects.bulk_update(jobs, ["status", "attempts", "created_at", "next_attempt_at", "sent_at", "batch"])
    for channel in {job.channel_id: job.channel for job in jobs}.values():
        if channel:
            channel.last_sent_at = max(job.sent_at for job in jobs if job.channel_id == channel.pk and job.sent_at)
            channel.save(update_fields=["last_sent_at"])
    return len(jobs)


def _send(job: Job, attempts: int) -> None:
    at = datetime.fromisoformat(job.payload_json["at"])
    job.status, job.attempts, job.batch = Job.Status.SENT, attempts, uuid4()
    job.created_at = at
    job.sent_at = job.next_attempt_at = at + _TOOK + (attempts - 1) * _BACKOFF
