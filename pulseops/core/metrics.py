"""What the processes of this machine count for /metrics; `pulseops.monitoring` adds what stands in the database.

Every process that serves writes into small files that all of them map, by prometheus_client's multiprocess mode, so
whichever answers /metrics reports all. The files are in memory, and this machine's (or container's) own. Labels come
from our own code, never from what is sent: their number has an end, and none names an organisation.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from pulseops.core.metrics_directory import DIRECTORY

_MOST_FILES = 48  # before those of processes that have ended are made one


_OWN = CollectorRegistry()
SECONDS_BOUNDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)  # seconds

INGEST_REQUESTS = Counter(
    "pulseops_ingest_requests",
    "Requests with logs, by protocol, HTTP status, and why they were refused (stored: they were not).",
    ("protocol", "status", "reason"),
    registry=_OWN,
)
INGEST_SECONDS = Histogram(
    "pulseops_ingest_seconds",
    "From a request that has arrived to its acknowledgement, of those that were stored.",
    ("protocol",),
    buckets=SECONDS_BOUNDS,
    registry=_OWN,
)
INGEST_LOGS = Counter("pulseops_ingest_logs", "Logs stored.", ("protocol",), registry=_OWN)
INGEST_BYTES = Counter("pulseops_ingest_bytes", "Bytes of those logs, unpacked.", ("protocol",), registry=_OWN)
INGEST_REFUSED = Counter(
    "pulseops_ingest_refused_logs", "Logs left out of batches that were stored.", ("protocol",), registry=_OWN
)
PAGE_SECONDS = Histogram(
    "pulseops_page_seconds", "Server time of pages, by kind.", ("kind",), buckets=SECONDS_BOUNDS, registry=_OWN
)
PAGES = Counter("pulseops_pages", "Pages answered, by kind and class of status.", ("kind", "status"), registry=_OWN)
RULES = Counter("pulseops_rules_evaluated", "Evaluations of alert rules, by outcome.", ("outcome",), registry=_OWN)
RULES_SECONDS = Histogram(
    "pulseops_rules_seconds",
    "One organisation's turn of having its rules evaluated.",
    buckets=SECONDS_BOUNDS,
    registry=_OWN,
)
MESSAGES = Counter(
    "pulseops_messages", "Tries to send a message, by kind of channel and result.", ("channel", "result"), registry=_OWN
)
POOL_CONNECTIONS = Gauge(
    "pulseops_pool_connections", "Connections in the pools of web processes, by state.", ("state",),
    registry=_OWN, multiprocess_mode="livesum",
)  # fmt: skip
POOL_WAITING = Gauge(
    "pulseops_pool_waiting", "Requests that wait for a connection.", registry=_OWN, multiprocess_mode="livesum"
)
SELF_LOGS_DROPPED = Counter(
    "pulseops_self_logs_dropped", "Own log records that SELF_LOGGING could not store.", registry=_OWN
)


@lru_cache(maxsize=1024)
def ingest_request(protocol: str, status: int, reason: str) -> Counter:
    """Return the counter of such requests; looking it up by its labels costs more than counting."""
    return INGEST_REQUESTS.labels(protocol, str(status), reason)


def add_stored_volume(protocol: str, *, logs: int, size: int, refused: int) -> None:
    """Add logs that were stored, their bytes, and those that were left out."""
    INGEST_LOGS.labels(protocol).inc(logs)
    INGEST_BYTES.labels(protocol).inc(size)
    INGEST_REFUSED.labels(protocol).inc(refused)


def add_stored_requests(
    protocol: str, answers: Mapping[int, int], durations: Mapping[int, int], seconds: float
) -> None:
    """Add requests that were acknowledged: how many by status and by place among SECONDS_BOUNDS, and their time in all.

    By the histogram's own counters, for it takes one duration at a time; that they are there, a test asks.
    """
    for status, number in answers.items():
        ingest_request(protocol, status, "stored").inc(number)
    histogram = INGEST_SECONDS.labels(protocol)
    for place, number in durations.items():
        histogram._buckets[place].inc(number)
    histogram._sum.inc(seconds)


def registry() -> CollectorRegistry:
    """Return what all processes of this machine have counted; not while `tidy` rewrites it."""
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return _OWN
    result = CollectorRegistry()
    MultiProcessCollector(result, directory)
    return result


@contextmanager
def settled() -> Iterator[None]:
    """Keep the files as they are while they are read; those of ended processes become one when there are many."""
    directory = os.environ.get(DIRECTORY)
    if not directory:
        yield
        return
    with (Path(directory) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _tidy(Path(directory))
        yield


def _tidy(directory: Path) -> None:
    """Remove the gauges of processes that have ended, and add up their counters in one file when they have many."""
    files = [(path, int(pid)) for path in directory.glob("*.db") if (pid := path.stem.rsplit("_", 1)[1]).isdecimal()]
    ended = [path for path, pid in files if pid and not _is_running(pid)]
    for path in ended:
        if path.name.startswith("gauge_live"):
            path.unlink(missing_ok=True)
    if len(files) > _MOST_FILES:
        for path in ended:
            kind = path.name.split("_", 1)[0]
            if kind in {"counter", "histogram"}:
                _add(path, directory / f"{kind}_0.db")


def _add(source: Path, target: Path) -> None:
    total = MmapedDict(str(target))
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(source)):
        total.write_value(key, total.read_value(key)[0] + value, timestamp)
    total.close()
    source.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
