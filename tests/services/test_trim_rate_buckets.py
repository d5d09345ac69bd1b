from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.models import CronRun
from services.models import ApiKey, RateBucket
from services.tasks import trim_rate_buckets


def test_buckets_of_a_day_are_kept(key: ApiKey) -> None:
    now = timezone.now()
    for hours in (0, 23, 25, 48):
        RateBucket.objects.create(api_key=key, window_start=now - timedelta(hours=hours), count=1)
    assert trim_rate_buckets() == {"deleted": 2}
    assert RateBucket.objects.count() == 2
    assert CronRun.objects.get(job_name="trim_rate_buckets").status == "success"


def test_runs_every_hour() -> None:
    assert REGISTRY["trim_rate_buckets"].every == timedelta(hours=1)
