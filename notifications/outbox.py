"""Putting messages into the outbox, in the transaction of the event they tell of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import UUIDField
from django.utils import timezone

from accounts.models import Org
from notifications.models import Channel, Job
from notifications.routing import Subject
from pulseops.core.db.compiled_rows import CompiledRows, Parameter
from pulseops.core.jobs.wakeups import wake_delivery
from pulseops.core.web.correlation import correlation_id


def enqueue(
    *,
    org: Org,
    event: str,
    payload: Mapping[str, Any],
    subject_id: int | None = None,
    about: Subject | None = None,
    only: Collection[UUID] | None = None,
    hold: timedelta | None = None,
    without: UUID | None = None,
) -> list[Job]:
    """Write one job for each channel of `org` that is on and wants to hear `about` it, and wake the loop on commit.

    `event` is like "incident.created"; `payload` what notifications.messages.Notice reads; messages with the same
    `subject_id` reach a channel in order. `only` names the channels that are meant whatever they want. `hold` keeps the
    jobs back for so long; `discard_held` takes them back. `without` is a channel that knows already.
    """
    channels = [each for each in _ENABLED.fetch(org=org.pk) if each.pk != without]
    if only is not None:
        return _write([each for each in channels if each.pk in only], event, payload, subject_id, None)
    wanting = [each for each in channels if about is None or each.routing.wants(about)]
    return _write(wanting, event, payload, subject_id, about, hold)


_ENABLED = CompiledRows(lambda: Channel.objects.filter(org_id=Parameter("org", UUIDField()), enabled=True))


def discard_held(org: Org, *, subject_id: int, event: str) -> int:
    """Delete messages that are still held back; returns how many."""
    held = Job.objects.for_org(org).filter(subject_id=subject_id, type=event, status=Job.Status.PENDING)
    deleted, _ = held.filter(held_until__gt=timezone.now()).delete()
    return deleted


def enqueue_to(channel: Channel, *, event: str, payload: Mapping[str, Any], subject_id: int | None = None) -> Job:
    """Write one job for one channel, and wake the loop on commit."""
    return _write([channel], event, payload, subject_id, None)[0]


def _write(
    channels: Sequence[Channel],
    event: str,
    payload: Mapping[str, Any],
    subject_id: int | None,
    about: Subject | None,
    hold: timedelta | None = None,
) -> list[Job]:
    facts = {**payload, "event": event, "correlation_id": correlation_id()}
    now = timezone.now()
    jobs = []
    for channel in channels:
        quiet = channel.routing.held_until(about, now) if about else None
        held = max(filter(None, [quiet, now + hold if hold else None]), default=None)
        if held is None and subject_id is not None:
            _release(channel, subject_id, now)
        job = Job(
            org_id=channel.org_id,
            channel=channel,
            type=event,
            payload_json=facts,
            status=Job.Status.PENDING,
            subject_id=subject_id,
            held_until=held,
        )
        if held:
            job.next_attempt_at = held
        jobs.append(job)
    if jobs:
        Job.objects.bulk_create(jobs)
        wake_delivery(jobs[0].org_id, f"job:{subject_id or ''}")
    return jobs


def _release(channel: Channel, subject_id: int, now: datetime) -> None:
    """Let what quiet hours hold back about the same incident go first."""
    if channel.routing.quiet:
        held = Job.objects.filter(channel=channel, subject_id=subject_id, status=Job.Status.PENDING, held_until__gt=now)
        held.update(held_until=None, next_attempt_at=now)
