"""How fast logs are taken in, beside plain COPY into the same table, everything on this machine.

    python -m benchmarks.ingest [--seconds 5] [--write]

Starts an embedded PostgreSQL and gunicorn as `make run` does, in a directory of their own. Every answer counts only as
200, so every log is on the disk and can be searched. `--write` puts the tables into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import psycopg

from benchmarks.load import Load, batches_of, make_logs, make_requests, run_load
from benchmarks.report import Table, write_section
from tests.support.installation import Installation, stop

WARM_UP = 1.0  # seconds
ROUNDS, ROUND_SECONDS = 12, 2.0
BATCHES, CLIENTS = (1, 10, 200, 1_000), (1, 4, 16, 64)
_COLUMNS = "org_id, service_id, environment_id, level, ts, message, meta_json, trace_id"
_SCOPE = "SELECT s.org_id, s.id, e.id FROM environments e JOIN services s ON s.id = e.service_id LIMIT 1"
_SIZES = """
    SELECT coalesce(parent.relname, 'table'), sum(pg_relation_size(leaf.oid))::bigint
    FROM pg_inherits i
    JOIN pg_class part ON part.oid = i.inhrelid AND i.inhparent = 'logs'::regclass
    JOIN LATERAL (
        SELECT part.oid UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = part.oid
    ) leaf ON true
    LEFT JOIN pg_inherits up ON up.inhrelid = leaf.oid AND leaf.oid <> part.oid
    LEFT JOIN pg_class parent ON parent.oid = up.inhparent
    GROUP BY 1 ORDER BY 2 DESC
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU, of the web server and of the database, since they were started."""

    web: float
    database: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.web - other.web, self.database - other.database)


class Bench:
    """An installation with its web server, and what is measured on it."""

    def __init__(self, installation: Installation, seconds: float) -> None:
        self.installation, self.seconds = installation, seconds
        self.key = installation.make_key()
        self.web = installation.start_web()
        self.address = installation.manage("postgres", "url")

    def ingest(
        self, logs: int, clients: int, *, packed: bool = False, rate: float = inf, seconds: float | None = None
    ) -> tuple[Load, Cost]:
        """Send batches of `logs`, at `rate` a second if given; returns the load and what it cost."""
        requests = self._requests(logs, packed)
        run_load(self.installation.port, requests, clients=clients, seconds=WARM_UP)
        before = self._cost()
        load = run_load(self.installation.port, requests, clients=clients, seconds=seconds or self.seconds, rate=rate)
        assert not load.failures, load.failures[0]
        return load, self._cost() - before

    @contextmanager
    def copying(self, logs: int, connections: int) -> Iterator[Callable[[float], float]]:
        """Give what COPYs batches of `logs` for so many seconds, one a transaction; it returns logs a second."""
        with multiprocessing.get_context("spawn").Pool(connections, _prepare_copy, (self.address, logs)) as pool:
            yield lambda seconds: sum(pool.map(_copy_for, [seconds] * connections, chunksize=1))

    def query(self, sql: str) -> list[Any]:
        """Return what the database answers."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    @cache  # noqa: B019 - one bench a process
    def _requests(self, logs: int, packed: bool) -> list[bytes]:
        return make_requests(self.key, logs, packed=packed)

    def _cost(self) -> Cost:
        server = self.installation.postgres()
        assert server
        return Cost(_seconds(psutil.Process(self.web.pid)), _seconds(server))


def _seconds(parent: psutil.Process) -> float:
    total = 0.0
    for process in [parent, *parent.children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return total


_connection: psycopg.Connection[Any]
_texts: list[bytes]
_logs: int


def _prepare_copy(address: str, logs: int) -> None:
    global _connection, _texts, _logs  # noqa: PLW0603 - of a process that does nothing else
    _connection, _logs = psycopg.connect(address, autocommit=True), logs
    scope = "\t".join(str(each) for each in _connection.execute(_SCOPE).fetchone() or ())
    _texts = [_copy_text(scope, logs, seed) for seed in range(batches_of(logs))]


def _copy_for(seconds: float) -> float:
    stored, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        with _connection.cursor().copy(f"COPY logs ({_COLUMNS}) FROM STDIN") as copy:
            copy.write(_texts[stored // _logs % len(_texts)])
        stored += _logs
    return stored / (time.perf_counter() - started)


def _copy_text(scope: str, logs: int, seed: int) -> bytes:
    lines = []
    for log in make_logs(logs, seed):
        texts = [str(log[name]) for name in ("level", "timestamp", "message")]
        lines.append("\t".join([scope, *texts, json.dumps(log["meta"]), str(log["trace_id"])]))
    return ("\n".join(lines) + "\n").encode()


def measure(bench: Bench) -> list[Table]:
    """Measure everything; returns the tables of the report.

    COPY comes first: after the rest the server still writes and vacuums what came before, and that would be compared.
    """
    beside_copy = _beside_copy(bench)
    matrix = Table(
        "Logs a second", ["logs a request", *(f"{n} clients" for n in CLIENTS), "CPU a log, web + database (16)"]
    )
    waits = Table("Wait for the answer, ms (p50 / p99)", ["logs a request", *(f"{n} clients" for n in CLIENTS)])
    for logs in BATCHES:
        loads = [bench.ingest(logs, clients) for clients in CLIENTS]
        matrix.add(logs, *(f"{_a_second(load, logs):,.0f}" for load, _ in loads), _cost_a_log(*loads[2], logs))
        waits.add(logs, *(f"{load.percentile(0.5):.0f} / {load.percentile(0.99):.0f}" for load, _ in loads))
    packed, cost = bench.ingest(200, 16, packed=True)
    matrix.add("200, gzip", "", "", f"{_a_second(packed, 200):,.0f}", "", _cost_a_log(packed, cost, 200))
    return [matrix, waits, beside_copy, _while_searching(bench), _sizes(bench)]


def _a_second(load: Load, logs: int) -> float:
    return load.answers * logs / load.seconds


def _cost_a_log(load: Load, cost: Cost, logs: int) -> str:
    number = load.answers * logs
    return f"{cost.web / number * 1e6:.1f} + {cost.database / number * 1e6:.1f} µs"


def _beside_copy(bench: Bench) -> Table:
    """In short turns, so that whatever else the machine does weighs on both."""
    table = Table(
        "Beside plain COPY into the same table, 2 connections",
        ["logs a batch", "COPY", "ingest, 16 clients", "ratio", "of the rounds"],
    )
    for logs in (200, 1_000):
        copied, taken = [], []
        with bench.copying(logs, 2) as copy:
            for _ in range(ROUNDS):
                copied.append(copy(ROUND_SECONDS))
                taken.append(_a_second(bench.ingest(logs, 16, seconds=ROUND_SECONDS)[0], logs))
        ratios = sorted(a / b for a, b in zip(taken, copied, strict=True))
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        table.add(logs, f"{median(copied):,.0f}", f"{median(taken):,.0f}", f"{median(ratios):.2f}", spread)
    return table


def _while_searching(bench: Bench) -> Table:
    """5,000 logs a second in batches of 50, alone and while someone reads the whole table in search of nothing."""
    table = Table("Wait for the answer at 5,000 logs a second, ms", ["", "p50", "p99", "p99.9"])
    for name in ("alone", "while a search reads every row"):
        with _searching(bench) if name != "alone" else _quiet():
            load, _ = bench.ingest(50, 16, rate=100, seconds=max(bench.seconds, 20))  # 2,000 answers, or p99 is chance
        table.add(name, *(f"{load.percentile(share):.0f}" for share in (0.5, 0.99, 0.999)))
    return table


@contextmanager
def _quiet() -> Iterator[None]:
    yield


@contextmanager
def _searching(bench: Bench) -> Iterator[None]:
    over = threading.Event()

    def search() -> None:
        with psycopg.connect(bench.address, autocommit=True) as connection:
            while not over.is_set():
                connection.execute("SELECT count(*) FROM logs WHERE lower(message) LIKE '%not there%'")

    reader = threading.Thread(target=search)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


def _sizes(bench: Bench) -> Table:
    [(rows,)] = bench.query("SELECT count(*) FROM logs")
    table = Table(f"Bytes a log, of {rows:,} on the day they came", ["", "bytes"])
    for name, size in bench.query(_SIZES):
        table.add(name, f"{size / rows:.0f}")
    return table


def _machine(bench: Bench) -> str:
    names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "wal_compression")
    settings = ", ".join(f"{name} {bench.query(f'SHOW {name}')[0][0]}" for name in names)
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}, PostgreSQL {settings}; "
        f"load of the machine before: {load:.1f}."
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    installation = Installation()
    try:
        bench = Bench(installation, chosen.seconds)
        machine = _machine(bench)
        tables = measure(bench)
    finally:
        for process in installation.processes:
            stop(process)
        installation.close()
    text = "\n\n".join([machine, *(table.markdown() for table in tables)])
    print(text)
    if chosen.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Ingest", text)


if __name__ == "__main__":
    main()
