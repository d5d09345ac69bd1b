"""How fast expired logs go, what senders feel of it, and whether the disk gets its space back.

    python -m benchmarks.retention [--rows 2000000] [--write]

Makes a data set of its own, which it spoils. First two services of the biggest organisation, which have half of its
logs, keep them for two days only: they are deleted in batches, while 5,000 logs a second
come in by gunicorn. Then all services keep theirs for three days only, so that whole partitions are dropped. Bytes are
those of the files of days that are over.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.dataset import BIG, Dataset, dataset, place_settings
from benchmarks.load import Load, make_requests, run_load
from benchmarks.report import Table, machine, write_section
from benchmarks.served import web

A_SECOND = 5_000
SERVICES = ("web", "api")  # of the biggest organisation
_SIZE = """
    SELECT sum(pg_total_relation_size(c.oid)) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'logs'::regclass AND c.relname BETWEEN 'logs_2' AND %s
"""


def measure(data: Dataset, port: int, key: str) -> list[Table]:
    """Measure everything; returns the tables."""
    deleting = Table("Deleting what a service does not keep any more, 5,000 rows a transaction", _HEAD)
    waits = Table(f"Wait for the answer at {A_SECOND:,} logs a second, ms", ["", "p50", "p99", "p99.9", "most"])
    requests = make_requests(key, 200, packed=False)
    alone = run_load(port, requests, clients=16, seconds=10, rate=A_SECOND / 200)
    waits.add("alone", *_waits(alone))
    keep(SERVICES, days=2)
    before = size(data)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        expiring = pool.apply_async(delete_expired, (data.directory,))
        beside = Load(0, 0)
        while not expiring.ready():
            part = run_load(port, requests, clients=16, seconds=2, rate=A_SECOND / 200)
            beside.waits += part.waits
            beside.failures += part.failures
        deleting.add("two services of many", *_cells(expiring.get(), before, size(data)))
    assert not beside.failures, beside.failures[0]
    waits.add("while logs are deleted", *_waits(beside))
    keep((), days=3)
    before = size(data)
    deleting.add("whole days of all", *_cells(delete_expired(data.directory), before, size(data)))
    return [deleting, waits]


_HEAD = ["", "logs", "s", "logs a second", "partitions dropped", "GB before", "GB after", "bytes a log freed"]


def _cells(expired: tuple[int, int, float], before: int, after: int) -> list[str]:
    logs, dropped, seconds = expired
    freed = f"{(before - after) / max(logs, 1):.0f}"
    gigabytes = [f"{size / 1e9:.2f}" for size in (before, after)]
    return [f"{logs:,}", f"{seconds:.1f}", f"{logs / seconds:,.0f}", str(dropped), *gigabytes, freed]


def _waits(load: Load) -> list[str]:
    return [f"{load.percentile(share):.0f}" for share in (0.5, 0.99, 0.999, 1)]


def keep(services: Sequence[str], *, days: int) -> None:
    """Let some services of the biggest organisation, or all there are, keep logs for so many days."""
    from services.models import Service

    chosen = Service.objects.filter(org__name=BIG, name__in=services) if services else Service.objects.all()
    chosen.update(retention_days=days)


def delete_expired(directory: Path) -> tuple[int, int, float]:
    """Run the job; returns how many logs it deleted, partitions it dropped, and how many seconds it took."""
    place_settings(directory)
    from logs.tasks import delete_expired_logs

    began = time.monotonic()
    result: Any = delete_expired_logs()
    return result["deleted"], len(result["dropped"]), time.monotonic() - began


def size(data: Dataset) -> int:
    """Return the bytes of all files of the days that are over, where nothing is written any more."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_SIZE, [f"logs_{data.now - timedelta(days=1):%Y%m%d}"])
        return int(cursor.fetchone()[0])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    with dataset(chosen.rows, name="retention") as data:
        with web() as (port, key):
            tables = measure(data, port, key)
        text = "\n\n".join([machine(), *(table.markdown() for table in tables)])
    print(text)
    if chosen.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Retention", text)


if __name__ == "__main__":
    main()
