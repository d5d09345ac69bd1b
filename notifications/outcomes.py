"""Writing down how the delivery of a message ended, in the caller's transaction. Only who still holds the lease may."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models import F
from django.utils import timezone

from notifications.channels.base import Sent
from notifications.claims import Claim
from notifications.models import Channel, Job
from pulseops.core.jobs.wakeups import tell_pages
from pulseops.core.metrics import MESSAGES

BACKOFF = (1, 2, 5, 10, 30)  # minutes after the first, second, … attempt; the last repeats
GIVE_UP_WAITING_AFTER = timedelta(hours=24)  # for a receiver that only ever answers 429


def _held(claim: Claim) -> models.QuerySet[Job]:
    """The jobs that are still this lease's: after it ended they may be someone else's."""
    return Job.objects.filter(lease=claim.lease, status=Job.Status.PROCESSING)


def _tell_pages(claim: Claim) -> None:
    """Let pages that show these messages ask for them anew."""
    for subject_id in {job.subject_id for job in claim.jobs}:
        tell_pages(claim.channel.org_id, f"job:{subject_id or ''}")


def record_sent(claim: Claim, sent: Sent) -> None:
    """The receiver has it; its remark and receipt are kept. What waits for this channel need not wait any longer."""
    now = timezone.now()
    kept = {"last_error": sent.remark or None, "receipt": sent.receipt or None}
    _held(claim).update(status=Job.Status.SENT, sent_at=now, lease=None, **kept)
    Channel.objects.filter(pk=claim.channel.pk).update(failures=0, last_error=None, last_sent_at=now)
    _tell_pages(claim)
    if claim.channel.failures:
        waiting = Job.objects.filter(channel_id=claim.channel.pk, status=Job.Status.PENDING)
        waiting = waiting.exclude(held_until__gt=now)
        waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now)


def record_partly(claim: Claim, sent: Sent) -> None:
    """Some recipients have it. The others get it at the next attempt, which names them alone."""
    for job in claim.jobs:
        if isinstance(job.payload_json, dict):
            _held(claim).filter(pk=job.pk).update(payload_json={**job.payload_json, "recipients": list(sent.left)})
    record_transient(claim, sent.remark)


def record_rate_limited(claim: Claim, reason: str, retry_after: int) -> None:
    """Leave the channel alone for `retry_after` seconds; it does not count as an attempt, for a day at most."""
    now = timezone.now()
    until = now + timedelta(seconds=retry_after)
    held = _held(claim)
    held.filter(created_at__lte=now - GIVE_UP_WAITING_AFTER).update(status=Job.Status.FAILED, last_error=reason)
    held.update(
        status=Job.Status.PENDING, attempts=F("attempts") - 1, next_attempt_at=until, last_error=reason, lease=None
    )
    Channel.objects.filter(pk=claim.channel.pk).update(paused_until=until)
    _tell_pages(claim)


def record_transient(claim: Claim, reason: str) -> None:
    """Try again after the backoff, or give up after the last attempt."""
    _note_failure(claim, reason)
    held = _held(claim)
    last = settings.NOTIFICATION_ATTEMPTS
    held.filter(attempts__gte=last).update(status=Job.Status.FAILED, last_error=reason, lease=None)
    for attempts in set(held.values_list("attempts", flat=True)):
        held.filter(attempts=attempts).update(
            status=Job.Status.PENDING,
            next_attempt_at=timezone.now() + backoff(attempts or 1),
            last_error=reason,
            lease=None,
        )


def record_permanent(claim: Claim, reason: str) -> None:
    """Another attempt would end the same way: fail now, and say why."""
    _note_failure(claim, reason)
    _held(claim).update(status=Job.Status.FAILED, last_error=reason, lease=None)


# Nothing if the channel was deleted meanwhile; where it is there, what was written before has locked it.
_RECORD_ATTEMPT = """
INSERT INTO notification_attempts (org_id, channel_id, message_id, events, result, reason, seconds, at)
SELECT org_id, id, %(message)s, %(events)s, %(result)s, %(reason)s, %(seconds)s, %(now)s
FROM notification_channels WHERE id = %(channel)s
"""


def record_attempt(claim: Claim, result: str, reason: str, seconds: float) -> None:
    """Write into the channel's log what came of sending a message once, in the transaction that wrote that down."""
    MESSAGES.labels(claim.channel.type, result).inc()
    values: dict[str, Any] = {
        "channel": claim.channel.pk,
        "message": claim.message_id,
        "events": len(claim.jobs),
        "result": result,
        "reason": reason[:500],
        "seconds": round(seconds, 3),
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD_ATTEMPT, values)


def _note_failure(claim: Claim, reason: str) -> None:
    _tell_pages(claim)
    Channel.objects.filter(pk=claim.channel.pk).update(
        failures=F("failures") + 1, last_error=reason, last_failed_at=timezone.now()
    )


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many attempts (1 or more): the table's minutes, give or take a fifth."""
    minutes = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return timedelta(minutes=minutes * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, not a secret


def fail_abandoned() -> int:
    """Fail the jobs whose deliverer died in every attempt; returns how many."""
    abandoned = Job.objects.filter(
        status=Job.Status.PROCESSING,
        next_attempt_at__lte=timezone.now(),
        attempts__gte=settings.NOTIFICATION_ATTEMPTS,
    )
    return abandoned.update(
        status=Job.Status.FAILED, last_error="The worker stopped in the middle of every attempt.", lease=None
    )
