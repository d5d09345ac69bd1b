"""The recorded jobs of the log store."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from logs.models import IngestReceipt
from logs.retention import delete_expired
from pulseops.core.jobs import Result, recorded_job

RECEIPTS_KEPT = timedelta(hours=24)


@recorded_job("forget_ingest_receipts", every=timedelta(hours=1))
def forget_ingest_receipts() -> Result:
    """Delete the answers to batches that nobody may repeat any more."""
    deleted, _ = IngestReceipt.objects.filter(created_at__lte=timezone.now() - RECEIPTS_KEPT).delete()
    return {"deleted": deleted}


@recorded_job("delete_expired_logs", every=timedelta(hours=1))
def delete_expired_logs() -> Result:
    """Delete the logs that are older than their service keeps them."""
    return {"deleted": delete_expired()}
