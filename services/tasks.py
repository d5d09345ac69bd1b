"""The end of what no one reads any more."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from pulseops.core.jobs.registry import Result, recorded_job
from services.models import RateBucket

BUCKETS_KEPT = timedelta(hours=24)


@recorded_job("trim_rate_buckets", every=timedelta(hours=1))
def trim_rate_buckets() -> Result:
    """Delete rate buckets older than 24 hours: limits read the running minute only, pages the last hour."""
    deleted, _ = RateBucket.objects.filter(window_start__lt=Now() - BUCKETS_KEPT).delete()
    return {"deleted": deleted}
