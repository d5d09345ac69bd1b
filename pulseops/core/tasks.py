"""The floor's own jobs: the worker's heartbeat, and the end of what no one reads any more."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone
from django_q.models import Failure

from pulseops.core.jobs.allowed_tasks import worker_task
from pulseops.core.jobs.registry import Result, recorded_job
from pulseops.core.models import CronRun
from pulseops.core.web.health import beat

CRON_RUNS_KEPT = timedelta(days=14)


@worker_task
def heartbeat() -> None:
    """Note that the worker is alive; scheduled every minute, not recorded, because the row itself is the record."""
    beat("worker")


@recorded_job("trim_cron_runs", every=timedelta(hours=6))
def trim_cron_runs() -> Result:
    """Delete job runs older than 14 days, and tasks that failed then: django-q2 trims those that succeeded alone."""
    before = timezone.now() - CRON_RUNS_KEPT
    deleted, _ = CronRun.objects.filter(created_at__lt=before).delete()
    failed, _ = Failure.objects.filter(stopped__lt=before).delete()
    return {"deleted": deleted, "failed_tasks": failed}


@recorded_job("trim_cache", every=timedelta(minutes=10))
def trim_cache() -> Result:
    """Delete what has expired from the table of the shared cache: counts of throttles, used codes."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM cache_entries WHERE expires < now()")
        return {"deleted": cursor.rowcount}
