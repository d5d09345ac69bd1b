"""How long senders wait while logs are sealed beside them, and while sealed logs are searched.

    python -m benchmarks.sealed_ingest [--rows 2000000] [--rate 10] [--seconds 5] [--rounds 6] [--write]

The job's own function seals, with its pauses, in a process of its own; in another one reader searches without end.
Rounds with and without them follow each other on the same installation, and all waits of a kind are put together. The
rate is one that the machine has no trouble with: what is asked is how much longer an answer takes.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from benchmarks.clock import percentile
from benchmarks.dataset import BIG, Dataset, dataset, mark_sealed, place_settings
from benchmarks.load import make_requests, run_load
from benchmarks.report import Table, machine, write_section
from benchmarks.sealed import COUNTS
from benchmarks.search import ALL, Bench
from benchmarks.served import web

LOGS, CLIENTS = 200, 8
SEARCHES = ["", "level:error", "payment", "quarantined", "absentword", "http.status:>=500", "took_ms:>900"]
Work = Callable[[Dataset, Event], None]


def seal_on(data: Dataset, is_over: Event) -> None:
    """Seal until there is nothing left, or it is over, as a worker does: it gives way, and so does its database."""
    from logs.storage.blocks.seal import seal
    from pulseops.core.db.priority import give_way_always
    from pulseops.core.jobs.low_priority import at_low_priority

    def pause(seconds: float) -> None:
        if is_over.wait(seconds):
            raise SystemExit  # which sealing takes for no failure of one environment

    give_way_always()
    at_low_priority(lambda: seal(data.now + timedelta(days=3), seconds=3_600, pause=pause))


def search_on(data: Dataset, is_over: Event) -> None:
    """Read pages and histograms of the biggest organisation, one after the other."""
    bench = Bench(data, BIG)
    for query, counted in zip(itertools.cycle(SEARCHES), itertools.cycle(COUNTS.values()), strict=False):
        if is_over.is_set():
            return
        bench.page(query, since=ALL)
        bench.counted(counted, "-7d")


@contextmanager
def beside(data: Dataset, work: Work | None) -> Iterator[None]:
    """Let `work` go on in a process of its own meanwhile."""
    if work is None:
        yield
        return
    context = multiprocessing.get_context("spawn")
    is_there, is_over = context.Event(), context.Event()
    process = context.Process(target=_run, args=(work, data, is_there, is_over))
    process.start()
    is_there.wait()  # to load the program is none of it
    try:
        yield
    finally:
        is_over.set()
        process.join()


def _run(work: Work, data: Dataset, is_there: Event, is_over: Event) -> None:
    place_settings(data.directory)
    Bench(data, BIG)  # connects
    is_there.set()
    work(data, is_over)


def waits(port: int, requests: list[bytes], data: Dataset, work: Work, chosen: argparse.Namespace) -> list[list[float]]:
    """Return the waits of all answers without and with `work` beside, in ms."""
    found: list[list[float]] = [[], []]
    for number in range(2 * chosen.rounds):
        with beside(data, work if number % 2 else None):
            load = run_load(port, requests, clients=CLIENTS, seconds=chosen.seconds, rate=chosen.rate)
        assert not load.failures, load.failures[0]
        found[number % 2] += [each * 1000 for each in load.waits]
    return found


def measure(data: Dataset, chosen: argparse.Namespace) -> Table:
    """Return the table of both, sealing first: it leaves sealed logs to search."""
    head = ["200 logs a request", "answers", "p50", "p99", "beside: p50", "beside: p99", "p99, times"]
    table = Table("Ingest beside sealing and sealed searches, ms", head)
    with web() as (port, key):
        requests = make_requests(key, LOGS, packed=False)
        run_load(port, requests, clients=CLIENTS, seconds=2, rate=chosen.rate)
        kinds: dict[str, Work] = {"beside sealing": seal_on, "beside searches of sealed logs": search_on}
        for name, work in kinds.items():
            if chosen.only not in name:
                continue
            if work is search_on:
                _seal_rest(data)
            alone, with_it = waits(port, requests, data, work, chosen)
            times = percentile(with_it, 0.99) / percentile(alone, 0.99)
            cells: list[Any] = [
                f"{percentile(some, share):.0f}" for some in (alone, with_it) for share in (0.5, 0.99)
            ]  # fmt: skip
            table.add(name, len(with_it), *cells, f"{times:.2f}")
    return table


def _seal_rest(data: Dataset) -> None:
    from logs.storage.blocks.seal import seal

    seal(data.now + timedelta(days=3), seconds=3_600, pause=lambda _: None)
    mark_sealed(data)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rate", type=float, default=10, help="requests a second")
    parser.add_argument("--seconds", type=float, default=5, help="of a round")
    parser.add_argument("--rounds", type=int, default=6, help="of each kind, with and without")
    parser.add_argument("--only", default="", help="what is measured whose name has this")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    with dataset(chosen.rows) as data:
        text = "\n\n".join([machine(), measure(data, chosen).markdown()])
    print(text)
    if chosen.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Ingest beside sealed logs", text)


if __name__ == "__main__":
    main()
