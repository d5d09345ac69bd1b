"""The worker's part: delivery when the loop is not there, and the end of old messages."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from notifications import delivery
from notifications.models import Job
from pulseops.core.jobs.registry import Result, recorded_job

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
    """Delete messages that were sent 30 days ago and those that failed 90 days ago."""
    now = timezone.now()
    sent, _ = Job.objects.filter(status=Job.Status.SENT, created_at__lt=now - SENT_KEPT).delete()
    failed, _ = Job.objects.filter(status=Job.Status.FAILED, created_at__lt=now - FAILED_KEPT).delete()
    return {"sent": sent, "failed": failed}
