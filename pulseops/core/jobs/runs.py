"""What pages read of the recorded jobs' runs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import connection

# For each job when django-q2 runs it next, its failures in 24 hours, and by cron_runs_job_created_idx its newest runs.
_RUNS = """
    SELECT job, (SELECT next_run FROM django_q_schedule WHERE name = 'job:' || job),
        (SELECT count(*) FROM cron_runs
         WHERE job_name = job AND created_at >= now() - interval '24 hours' AND status = 'failure'),
        run.status, run.duration_ms, run.created_at, run.meta_json ->> 'error', run.meta_json ->> 'result'
    FROM unnest(%s::text[]) job LEFT JOIN LATERAL (
        SELECT * FROM cron_runs WHERE job_name = job ORDER BY created_at DESC, id DESC LIMIT %s
    ) run ON true
    ORDER BY job, run.created_at DESC, run.id DESC
"""
_FAILING = """
    SELECT job FROM unnest(%s::text[]) job, LATERAL (
        SELECT status FROM cron_runs WHERE job_name = job ORDER BY created_at DESC, id DESC LIMIT 1
    ) last
    WHERE last.status = 'failure' ORDER BY job
"""


class RunRow(NamedTuple):
    """One run of a job, or a job that has not run (`status` is None then); the first three are the job's."""

    job: str
    next_at: datetime | None
    failures: int  # in 24 hours
    status: str | None
    duration_ms: int | None
    at: datetime
    error: str | None
    result: str | None


def newest_runs(jobs: Collection[str], *, limit: int) -> list[RunRow]:
    """Return the `limit` newest runs of each job by its name, newest first; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, [sorted(jobs), limit])
        return [RunRow(*row) for row in cursor.fetchall()]


def failing_jobs(jobs: Collection[str]) -> list[str]:
    """Return those of `jobs` whose newest run failed; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_FAILING, [sorted(jobs)])
        return [job for (job,) in cursor.fetchall()]
