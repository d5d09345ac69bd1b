"""Writing down how the delivery of a message ended. Only who still holds the lease may."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone

from notifications.claims import Claim
from notifications.models import Channel, DeliveryAttempt, Job

BACKOFF = (1, 2, 5, 10, 30)  # minutes after the first, second, … attempt; the last repeats
GIVE_UP_WAITING_AFTER = timedelta(hours=24)  # for a receiver that only ever answers 429


def _held(claim: Claim) -> models.QuerySet[Job]:
    """The jobs that are still this lease's: after it ended they may be someone else's."""
    return Job.objects.filter(lease=claim.lease, status=Job.Status.PROCESSING)


@transaction.atomic
def record_sent(claim: Claim, remark: str) -> None:
    """The receiver has it; `remark` is kept with the messages. What waits for this channel need not wait any longer."""
    now = timezone.now()
    _held(claim).update(status=Job.Status.SENT, sent_at=now, last_error=remark or None, lease=None)
    Channel.objects.filter(pk=claim.channel.pk).update(failures=0, last_error=None, last_sent_at=now)
    if claim.channel.failures:
        waiting = Job.objects.filter(channel_id=claim.channel.pk, status=Job.Status.PENDING)
        waiting = waiting.exclude(held_until__gt=now)
        waiting.filter(next_attempt_at__gt=now).update(next_attempt_at=now)


@transaction.atomic
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


@transaction.atomic
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


@transaction.atomic
def record_permanent(claim: Claim, reason: str) -> None:
    """Another attempt would end the same way: fail now, and say why."""
    _note_failure(claim, reason)
    _held(claim).update(status=Job.Status.FAILED, last_error=reason, lease=None)


def record_attempt(claim: Claim, result: str, reason: str, seconds: float) -> None:
    """Write into the channel's log what came of sending a message once."""
    attempt = DeliveryAttempt(
        org_id=claim.channel.org_id,
        channel_id=claim.channel.pk,
        message_id=claim.message_id,
        events=len(claim.jobs),
        result=result,
        reason=reason[:500],
        seconds=round(seconds, 3),
    )
    with suppress(IntegrityError), transaction.atomic():  # the channel may have been deleted meanwhile
        attempt.save()


def _note_failure(claim: Claim, reason: str) -> None:
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
