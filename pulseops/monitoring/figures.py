"""What /metrics says of the database: few short queries, each within a second, asked anew each time.

Every machine of an installation says the same here, so rules take the maximum of it, and the sum of what is counted.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import pulseops
from notifications.queries import outbox_age
from pulseops.backup.schedule import last_backup
from pulseops.core.jobs.registry import REGISTRY
from pulseops.core.jobs.runs import heartbeats, job_figures
from pulseops.core.web.health import EVALUATION
from pulseops.diagnostics.jobs import queue_depth
from pulseops.diagnostics.storage import storage
from pulseops.pages.banners import data_disk
from services.intake import orgs_by_intake

Figures = Callable[[], Iterator[Metric]]
_HEARTBEATS = {"worker": "worker", "loop": "dispatcher", EVALUATION: "evaluation"}
_SESSIONS = """
    SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1
"""


def figures() -> CollectorRegistry:
    """Return the figures as a registry to write out."""
    registry = CollectorRegistry()
    registry.register(_Collector())
    return registry


class _Collector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield _info()
        is_up = True
        for group in (_background, _jobs, _backup, _outbox, _storage, _sessions):
            try:
                found = list(group())
            except (DatabaseError, InterfaceError):
                is_up = is_up and _answers()
                continue
            yield from found
        yield _gauge("pulseops_database_up", "Whether the database answers.", float(is_up))
        if disk := data_disk():
            yield _gauge("pulseops_disk_free_bytes", "Free on the disk of the data directory.", disk.free)
            yield _gauge("pulseops_disk_total_bytes", "Size of that disk.", disk.total)


def _info() -> Metric:
    info = GaugeMetricFamily("pulseops_build_info", "What runs; always 1.", labels=["version", "python"])
    info.add_metric([pulseops.__version__, platform.python_version()], 1)
    return info


def _background() -> Iterator[Metric]:
    heard = GaugeMetricFamily(
        "pulseops_heartbeat_age_seconds", "Since a kind of process was last heard.", labels=["process"]
    )
    beats = heartbeats()
    for name, process in _HEARTBEATS.items():
        if (silence := beats.silence(name)) is not None:
            heard.add_metric([process], max(silence.total_seconds(), 0.0))
    yield heard
    if (depth := queue_depth()) is not None:
        yield _gauge("pulseops_queue_tasks", "Tasks that wait for a worker.", depth)


def _jobs() -> Iterator[Metric]:
    succeeded = GaugeMetricFamily(
        "pulseops_job_last_success_timestamp_seconds", "When a job last went well.", labels=["name"]
    )
    failing = GaugeMetricFamily("pulseops_job_failing", "Whether a job's newest run failed.", labels=["name"])
    failures = GaugeMetricFamily("pulseops_job_failures_24h", "Runs of a job that failed in 24 hours.", labels=["name"])
    took = GaugeMetricFamily("pulseops_job_last_duration_seconds", "How long its newest run took.", labels=["name"])
    for each in job_figures([*REGISTRY]):
        failing.add_metric([each.job], float(each.is_failing))
        failures.add_metric([each.job], each.failures)
        if each.duration_ms is not None:
            took.add_metric([each.job], each.duration_ms / 1000)
        if each.succeeded_at is not None:
            succeeded.add_metric([each.job], each.succeeded_at.timestamp())
    yield from (succeeded, failing, failures, took)


def _backup() -> Iterator[Metric]:
    if last := last_backup():
        text = "When the last good backup was made."
        yield _gauge("pulseops_backup_last_success_timestamp_seconds", text, last.at.timestamp())
        yield _gauge("pulseops_backup_bytes", "How large it is.", last.bytes)


def _outbox() -> Iterator[Metric]:
    count, oldest = outbox_age()
    yield _gauge("pulseops_outbox_messages", "Messages that are to be sent.", count)
    yield _gauge("pulseops_outbox_oldest_seconds", "For how long the oldest of them has been due.", oldest)


def _storage() -> Iterator[Metric]:
    result = storage(orgs_by_intake(timezone.now()))
    if result is None:  # a job holds the table for itself
        return
    yield _gauge("pulseops_log_partitions", "Partitions of the table of logs.", len(result.partitions))
    yield _gauge("pulseops_log_rows", "Logs, by PostgreSQL's estimate.", result.rows)
    yield _gauge("pulseops_log_bytes", "What the logs take, with their indexes.", result.logs)
    yield _gauge("pulseops_database_bytes", "What the whole database takes.", result.database)
    if result.forecast and result.forecast.days_left is not None:
        text = "Days until the disk is full if logs come as in the last 24 hours; absent where it will not be."
        yield _gauge("pulseops_disk_days_left", text, result.forecast.days_left)


def _sessions() -> Iterator[Metric]:
    sessions = GaugeMetricFamily("pulseops_database_sessions", "Sessions of the database.", labels=["state"])
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS)
        for state, count in cursor.fetchall():
            sessions.add_metric([state], count)
        cursor.execute("SELECT current_setting('max_connections')::int, current_setting('server_version')")
        most, version = cursor.fetchone()
    yield sessions
    yield _gauge("pulseops_database_sessions_max", "How many the server allows (max_connections).", most)
    info = GaugeMetricFamily("pulseops_database_info", "Which PostgreSQL answers; always 1.", labels=["version"])
    info.add_metric([version.split()[0]], 1)  # without the distribution's own "(Debian …)"
    yield info


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _answers() -> bool:
    try:
        connection.ensure_connection()
        return connection.is_usable()
    except (DatabaseError, InterfaceError):
        return False
