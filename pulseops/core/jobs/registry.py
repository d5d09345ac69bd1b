"""Recorded jobs: plain functions that the worker's schedules and the cron endpoints both call.

Each runs at most once at a time on any machine, and leaves a `cron_runs` row, whether it went well or not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule

from pulseops.core.db.advisory_locks import session_lock
from pulseops.core.db.answer_timeout import HOURS, locks_may_take
from pulseops.core.models import CronRun
from pulseops.core.web.correlation import correlated

log = logging.getLogger(__name__)
_TURN_SECONDS = 60  # half of what the worker gives a task
HEARTBEAT = "pulseops.core.tasks.heartbeat"
Arguments = ParamSpec("Arguments")
Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """A job's name, where django-q2 finds it, and how often it runs (None: only when something asks for it)."""

    name: str
    path: str
    every: timedelta | None


REGISTRY: dict[str, RecordedJob] = {}


def recorded_job(
    name: str, *, every: timedelta | None = None, turn: str = ""
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result | None]]:
    """Make a function a recorded job; `every` is in whole minutes.

    Jobs with the same `turn` would get in each other's way, so they wait for one another, up to a minute.
    The function returns what is to be recorded as its result. The job returns the same, or None when another process
    was already at it. What the function raises is recorded and raised again.
    """

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result | None]:
        path = f"{function.__module__}.{function.__name__}"
        REGISTRY[name] = RecordedJob(name, path, every)

        @wraps(function)
        def job(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result | None:
            with correlated() as identifier, session_lock(f"job:{name}") as held:
                if not held:
                    log.info("job is already running", extra={"job": name})
                    return None
                with session_lock(f"turn:{turn or name}", wait_seconds=_TURN_SECONDS) as has_turn:
                    if not has_turn:
                        log.info("job waits for its next time", extra={"job": name, "turn": turn})
                        return None
                    # What shares a turn moves tables and builds indexes: it waits for senders, none of them for it.
                    with locks_may_take(HOURS if turn else settings.DATABASE_JOB_LOCK_SECONDS):
                        return _run_recorded(name, identifier, lambda: function(*args, **kwargs))

        return job

    return decorate


def _run_recorded(name: str, identifier: str, function: Callable[[], Result]) -> Result:
    started = time.monotonic()
    try:
        result = function()
    except Exception as error:
        log.exception("job failed", extra={"job": name})
        if connection.is_usable():
            _record(
                name,
                CronRun.Status.FAILURE,
                started,
                identifier,
                {"error": f"{type(error).__name__}: {error}"},
            )
        raise
    _record(name, CronRun.Status.SUCCESS, started, identifier, {"result": dict(result)})
    return result


def record_success(name: str, seconds: float, result: Result) -> None:
    """Record a run of the job `name` that was not done by calling it, and that took `seconds`."""
    with correlated() as identifier:
        _record(name, CronRun.Status.SUCCESS, time.monotonic() - seconds, identifier, {"result": dict(result)})


def _record(name: str, status: CronRun.Status, started: float, identifier: str, detail: dict[str, Any]) -> None:
    seconds, now = time.monotonic() - started, timezone.now()
    CronRun.objects.create(
        job_name=name,
        status=status,
        duration_ms=round(seconds * 1000),
        started_at=now - timedelta(seconds=seconds),
        finished_at=now,
        meta_json={**detail, "correlation_id": identifier},
    )


def ensure_schedules() -> None:
    """Make django-q2's schedules equal to the registry; run after every `migrate`."""
    wanted = {f"job:{job.name}": job for job in REGISTRY.values() if job.every}
    Schedule.objects.filter(name__startswith="job:").exclude(name__in=wanted).delete()
    for schedule_name, job in wanted.items():
        assert job.every is not None
        minutes = round(job.every.total_seconds() / 60)
        Schedule.objects.update_or_create(
            name=schedule_name,
            defaults={"func": job.path, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1},
        )
    Schedule.objects.update_or_create(
        name="heartbeat",
        defaults={"func": HEARTBEAT, "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1},
    )
