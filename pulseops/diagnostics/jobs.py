"""What the background does: processes, queues, and each recorded job's runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django_q.brokers import get_broker

from accounts.models import Org
from notifications.queries import outstanding_messages
from pulseops.core.jobs.queue import QueueAwayError
from pulseops.core.jobs.registry import REGISTRY, RecordedJob
from pulseops.core.jobs.runs import Activity, Heartbeats, RunRow, activity
from pulseops.core.models import CronRun
from pulseops.core.ui.times import duration
from pulseops.core.web.health import WORKER_SILENT_AFTER

RUNS_SHOWN = 20
PROCESSES = {"worker": "runs the jobs below", "loop": "evaluates rules and delivers messages at once"}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job: how it ended, and how long it took in milliseconds."""

    status: str
    duration_ms: int | None
    at: datetime
    error: str
    result: str

    @property
    def is_failure(self) -> bool:
        """Whether it raised."""
        return self.status == CronRun.Status.FAILURE


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job with its newest runs, newest first; `next_at` is when django-q2 means to run it, None if it does not."""

    job: RecordedJob
    runs: Sequence[Run]
    next_at: datetime | None
    failures: int  # in 24 hours

    @property
    def last(self) -> Run | None:
        """The newest run."""
        return self.runs[0] if self.runs else None

    @property
    def last_at(self) -> datetime | None:
        """When the newest run ended."""
        return self.last.at if self.last else None

    @property
    def took(self) -> str:
        """How long the newest run took; empty if that is not known."""
        took = self.last.duration_ms if self.last else None
        if took is None:
            return ""
        return f"{took} ms" if took < 10_000 else duration(took / 1000)

    @property
    def lag(self) -> timedelta:
        """For how long it has been due without having been started; zero when it is not due."""
        late = timezone.now() - self.next_at if self.next_at else timedelta()
        return max(late, timedelta())

    @property
    def is_late(self) -> bool:
        """Due for longer than a scheduler that lives would let it be."""
        return self.lag > WORKER_SILENT_AFTER

    @property
    def state(self) -> str:
        """One of failing, warning (late), waiting (has never run), ok."""
        if self.last is None:
            return "warning" if self.is_late else "waiting"
        if self.last.is_failure:
            return "failing"
        return "warning" if self.is_late else "ok"

    @property
    def label(self) -> str:
        """The state in a word."""
        return {"warning": "Late", "waiting": "Not run yet", "ok": "OK"}.get(self.state, "Failing")

    @property
    def every(self) -> str:
        """How often it is meant to run."""
        if self.job.every is None:
            return "when asked"
        minutes = round(self.job.every.total_seconds() / 60)
        for unit, size in (("d", 24 * 60), ("h", 60)):
            if minutes % size == 0:
                return f"{minutes // size} {unit}"
        return f"{minutes} min"

    @property
    def oldest_first(self) -> Sequence[Run]:
        """The runs as they are drawn, from left to right."""
        return self.runs[::-1]


def job_activity() -> Activity:
    """Return what the parts of the page that are about jobs are made of; one query."""
    return activity(REGISTRY, limit=RUNS_SHOWN)


def job_reports(runs: Sequence[RunRow]) -> list[JobReport]:
    """Return every recorded job, those that need attention first."""
    result: dict[str, tuple[list[Run], datetime | None, int]] = {}
    for row in runs:
        newest, *_ = result.setdefault(row.job, ([], row.next_at, row.failures))
        if row.status:
            newest.append(Run(row.status, row.duration_ms, row.at, row.error or "", row.result or ""))
    order = {"failing": 0, "warning": 1}
    reports = [JobReport(REGISTRY[job], *told) for job, told in result.items()]
    return sorted(reports, key=lambda each: (order.get(each.state, 2), each.job.name))


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of background process and its last heartbeat."""

    name: str
    purpose: str
    beat_at: datetime | None
    now: datetime  # by the same clock

    @property
    def state(self) -> str:
        """One of ok, down."""
        is_alive = self.beat_at is not None and self.now - self.beat_at <= WORKER_SILENT_AFTER
        return "ok" if is_alive else "down"


@dataclass(frozen=True, slots=True)
class Background:
    """The processes that should be alive, and how many messages are on their way: the organisation's, and all."""

    processes: Sequence[Process]
    outbox: int
    outbox_of_all: int


def background(org: Org, heartbeats: Heartbeats) -> Background:
    """Return what goes on in the background; one query."""
    outbox, outbox_of_all = outstanding_messages(org)
    processes = [
        Process(name, purpose, heartbeats.last.get(name), heartbeats.now) for name, purpose in PROCESSES.items()
    ]
    return Background(processes, outbox, outbox_of_all)


def queue_depth() -> int | None:
    """Return how many tasks wait for a worker; None when the queue (Redis) does not answer. One query."""
    try:
        return int(get_broker().queue_size())
    except QueueAwayError:
        return None
