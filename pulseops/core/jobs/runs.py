"""What pages read of the background: when its processes were last heard, and how the recorded jobs ran."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import JSONField
from django.db.models.expressions import RawSQL

from pulseops.core.db.compiled_rows import Parameter
from pulseops.core.models import CronRun

_BEATS = """
    (SELECT array_agg(name ORDER BY name) FROM heartbeats), (SELECT array_agg(beat_at ORDER BY name) FROM heartbeats),
    statement_timestamp()
"""
# For each job when django-q2 runs it next, its failures in 24 hours, and by cron_runs_job_created_idx its newest runs.
_RUNS = f"""
    SELECT {_BEATS}, job, (SELECT next_run FROM django_q_schedule WHERE name = 'job:' || job),
        (SELECT count(*) FROM cron_runs
         WHERE job_name = job AND created_at >= now() - interval '24 hours' AND status = 'failure'),
        run.status, run.duration_ms, run.created_at, run.meta_json ->> 'error', run.meta_json ->> 'result'
    FROM unnest(%s::text[]) job LEFT JOIN LATERAL (
        SELECT * FROM cron_runs WHERE job_name = job ORDER BY created_at DESC, id DESC LIMIT %s
    ) run ON true
    ORDER BY job, run.created_at DESC, run.id DESC
"""  # noqa: S608 - made of the constant above
_FIGURES = """
    SELECT job, last.status = 'failure', last.duration_ms,
        (SELECT count(*) FROM cron_runs
         WHERE job_name = job AND created_at >= now() - interval '24 hours' AND status = 'failure'),
        (SELECT created_at FROM cron_runs WHERE job_name = job AND status = 'success'
         ORDER BY created_at DESC, id DESC LIMIT 1)
    FROM unnest(%s::text[]) job, LATERAL (
        SELECT status, duration_ms FROM cron_runs WHERE job_name = job ORDER BY created_at DESC, id DESC LIMIT 1
    ) last
    ORDER BY job
"""
_SIGNS = """jsonb_build_object(
    'beats', (SELECT json_object_agg(name, beat_at) FROM heartbeats),
    'now', statement_timestamp(),
    'failing', (SELECT json_agg(job ORDER BY job) FROM unnest(%s::text[]) job, LATERAL (
        SELECT status FROM cron_runs WHERE job_name = job ORDER BY created_at DESC, id DESC LIMIT 1
    ) last WHERE last.status = 'failure'),
    'secrets', (SELECT json_object_agg(name, value) FROM secret_checks)
)"""


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """When each kind of process was last heard, and the time by the same clock."""

    last: Mapping[str, datetime]
    now: datetime

    def silence(self, name: str) -> timedelta | None:
        """Return for how long a kind of process has been silent, None when it was never heard."""
        return self.now - self.last[name] if name in self.last else None


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


class JobFigures(NamedTuple):
    """A job that has run: whether its newest run failed, and its last success, None if there is none on record."""

    job: str
    is_failing: bool
    duration_ms: int | None
    failures: int  # in 24 hours
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Activity:
    """The processes, and the newest runs of each job by its name, newest first."""

    heartbeats: Heartbeats
    runs: Sequence[RunRow]


def activity(jobs: Collection[str], *, limit: int) -> Activity:
    """Return what the background does, at most `limit` runs of each of `jobs`, one at least; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, [sorted(jobs), limit])
        rows = cursor.fetchall()
    return Activity(_heartbeats(*rows[0][:3]), [RunRow(*row[3:]) for row in rows])


def heartbeats() -> Heartbeats:
    """Return when each kind of process was last heard; one query."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_BEATS}")
        return _heartbeats(*cursor.fetchone())


def job_figures(jobs: Collection[str]) -> list[JobFigures]:
    """Return the figures of those of `jobs` that have run; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, [sorted(jobs)])
        return [JobFigures(*row) for row in cursor.fetchall()]


def last_success(job: str) -> tuple[datetime, Mapping[str, Any]] | None:
    """Return when a job last went well, and its result; None if that is not on record. One query."""
    runs = CronRun.objects.filter(job_name=job, status=CronRun.Status.SUCCESS)
    run = runs.order_by("-created_at", "-pk").first()
    return (run.created_at, (run.meta_json or {}).get("result") or {}) if run else None


def signs(jobs: Collection[str] | Parameter) -> RawSQL:
    """Return an expression, to travel with another query, of which `read_signs` makes what it says."""
    return RawSQL(_SIGNS, [jobs], output_field=JSONField())  # noqa: S611 - made of constants


def read_signs(value: Mapping[str, Any]) -> tuple[Heartbeats, list[str], dict[str, str]]:
    """Return the processes, the jobs whose newest run failed, and the check values of secrets."""
    last = {name: datetime.fromisoformat(at) for name, at in (value["beats"] or {}).items()}
    heartbeats = Heartbeats(last, datetime.fromisoformat(value["now"]))
    return heartbeats, value["failing"] or [], value["secrets"] or {}


def _heartbeats(names: list[str] | None, beats: list[datetime] | None, now: datetime) -> Heartbeats:
    return Heartbeats(dict(zip(names or (), beats or (), strict=True)), now)
