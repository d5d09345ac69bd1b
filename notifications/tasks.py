"""The worker's part: delivery when the loop is not there, and the end of old messages."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.throttles import count_mail_to
from notifications import delivery
from notifications.addresses import VALID, confirmation_token
from notifications.channels.recipients import addresses
from notifications.models import Channel, DeliveryAttempt, Job, ReceivedEvent
from pulseops.core.jobs.allowed_tasks import worker_task
from pulseops.core.jobs.registry import Result, recorded_job

log = logging.getLogger(__name__)
SENT_KEPT = timedelta(days=30)
FAILED_KEPT = timedelta(days=90)


@recorded_job("deliver_notifications", every=timedelta(minutes=1))
def deliver_notifications() -> Result:
    """Deliver what is due, for most of a minute at most. The loop does this at once; here it is the safety net."""
    done = delivery.deliver_due(40)
    results = [{"id": each.id, "status": each.status, **({"error": each.error} if each.error else {})} for each in done]
    return {"processed": len(results), "results": results}


@recorded_job("trim_notifications", every=timedelta(hours=6))
def trim_notifications() -> Result:
    """Delete messages that were sent 30 days ago, and those that failed 90 days ago.

    And deliveries of 30 days ago, and what services told us back 90 days ago.
    """
    now = timezone.now()
    sent, _ = Job.objects.filter(status=Job.Status.SENT, created_at__lt=now - SENT_KEPT).delete()
    failed, _ = Job.objects.filter(status=Job.Status.FAILED, created_at__lt=now - FAILED_KEPT).delete()
    attempts, _ = DeliveryAttempt.objects.filter(at__lt=now - SENT_KEPT).delete()
    received, _ = ReceivedEvent.objects.filter(at__lt=now - FAILED_KEPT).delete()
    return {"sent": sent, "failed": failed, "attempts": attempts, "received": received}


@worker_task
def ask_addresses(channel_id: str, new: list[str]) -> None:
    """Ask each of `new` addresses by mail whether it wants the channel's; those that were removed since are not asked.

    The links are made here, so the queue keeps none.
    """
    channel = Channel.objects.select_related("org").filter(pk=channel_id).first()
    if channel is None or channel.org.suspended_at:
        return
    wanted = set(addresses(channel.config_json))
    for address in [each for each in new if each in wanted]:
        if not count_mail_to(address):
            log.warning("an address got as many mails today as it may", extra={"org_id": str(channel.org_id)})
            continue
        path = reverse("notifications:confirm", args=[confirmation_token(channel, address)])
        values = {"org": channel.org, "days": VALID.days, "link": f"{settings.PUBLIC_URL}{path}"}
        text = render_to_string("notifications/mail/confirm.txt", values)
        send_mail("Do you want mail about incidents?", text, settings.DEFAULT_FROM_EMAIL, [address])
