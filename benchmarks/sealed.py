"""Logs as rows and the same logs sealed, in one run: what they take, and what it takes to find, count and delete them.

    python -m benchmarks.sealed [--rows 10000000] [--queries 20] [--only WORDS] [--again] [--write]

What is counted is the time of processors, of this process and of the database's together, which other work on the
machine changes little; beside it the time for which a reader would wait. All logs are sealed, also those that would
stay rows for a day: nothing is answered by rows then. The data set is sealed afterwards and no other benchmark takes
it; `--again` measures it once more as it is. `--write` puts the tables into docs/performance.md.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import aggregates
from benchmarks.clock import cpu_milliseconds, percentile
from benchmarks.dataset import BIG, ROWS, SMALL, Dataset, dataset, mark_sealed
from benchmarks.report import Table, machine, write_section
from benchmarks.search import ALL, Bench

Kinds = dict[str, dict[str, list[str]]]  # organisation → kind → queries
COUNTS = {
    "histogram, no filter": "", "histogram, a level": "level:error", "histogram, a common word": "payment",
    "histogram, the commonest word": "GET", "histogram, a phrase": '"payment captured for order"',
    "histogram, a rare word": "quarantined", "histogram, an absent word": "absentword",
    "histogram, JSON, common": "http.status:200", "histogram, JSON, a number compared": "took_ms:>50",
}  # fmt: skip
_SECTIONS = ("narrow", "message", "meta", "trace", "request", "text_sig", "part_sig", "word_sig", "id_sig", "ranges",
             "summary")  # fmt: skip
_EXPORTED = 500_000  # lines


@dataclass(slots=True)
class Cost:
    """Milliseconds of processors and of waiting of some searches, and how many of them had to stop."""

    cpu: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    stopped: int = 0

    def cells(self) -> list[str]:
        """Return the cells of a table's row."""
        stopped = f"{self.stopped} of {len(self.cpu)}" if self.stopped else ""
        values = (median(self.cpu), percentile(self.waited, 0.95))
        return [*(f"{each:.0f}" for each in values), stopped]


@contextmanager
def measured(cost: Cost) -> Iterator[None]:
    """Add what this process and its session of the database do meanwhile."""
    from django.db import connection

    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    waited, own, theirs = time.perf_counter(), time.process_time(), cpu_milliseconds(pid)
    yield
    cost.waited.append((time.perf_counter() - waited) * 1000)
    cost.cpu.append((time.process_time() - own) * 1000 + cpu_milliseconds(pid) - theirs)


def kinds_of(data: Dataset, count: int) -> Kinds:
    """Return what is looked for: drawn from the rows while there are any, and kept beside the data set."""
    from benchmarks.terms import Samples, fleet_kinds, shop_kinds

    place = data.directory / "kinds.json"
    if data.is_sealed:
        return dict(json.loads(place.read_text()))
    kinds = {}
    for name, made in ((BIG, shop_kinds), (SMALL, fleet_kinds)):
        samples = Samples(Bench(data, name).org.pk, data.now - timedelta(days=7), data.now)
        kinds[name] = {kind.name: list(kind.queries) for kind in made(samples, count)}
    place.write_text(json.dumps(kinds))
    return kinds


def searches(data: Dataset, kinds: Kinds, count: int, only: str) -> dict[str, dict[str, Cost]]:
    """Run every kind of first page and of histogram, in a random order; returns what each kind of each table took."""
    costs: dict[str, dict[str, Cost]] = {}
    for name, queries in kinds.items():
        bench = Bench(data, name)
        runs = {kind: [_page(bench, query) for query in some] for kind, some in queries.items()}
        costs[_title(name)] = _run(runs, only)
    bench = Bench(data, BIG)
    counts = {name: [_count(bench, query)] * (count // 2) for name, query in COUNTS.items()}
    costs[f"Histograms of 7 days and facets, ms: {BIG}"] = _run(counts, only)
    costs[f"Aggregates of 7 days, ms: {BIG}"] = _run(aggregates.runs(bench, count // 4), only)
    return costs


def _title(org_name: str) -> str:
    return f"The first page, ms: {org_name}"


def _page(bench: Bench, query: str) -> Callable[[], bool]:
    return lambda: bench.page(query, since=ALL)


def _count(bench: Bench, query: str) -> Callable[[], bool]:
    return lambda: bench.counted(query, "-7d")


def _run(runs: dict[str, list[Callable[[], bool]]], only: str) -> dict[str, Cost]:
    chosen = {name: some for name, some in runs.items() if only in name}
    order = [(name, run) for name, some in chosen.items() for run in some]
    random.Random(3).shuffle(order)
    costs = {name: Cost() for name in chosen}
    for some in chosen.values():
        some[0]()
    for name, run in order:
        with measured(costs[name]):
            is_whole = run()
        costs[name].stopped += not is_whole
    return costs


def exported(data: Dataset) -> Cost:
    """Export lines of the biggest organisation; one search that stands for all of them."""
    from django.conf import settings

    from logs.explorer.export import export
    from logs.explorer.time_range import read_range
    from logs.search.page import prepare
    from logs.search.parser import parse

    bench, cost = Bench(data, BIG), Cost()
    settings.LOG_EXPORT_ROWS = _EXPORTED
    search, window = prepare(bench.org.pk, parse(""), bench.scopes), read_range(ALL, "", now=data.now).window
    with measured(cost):
        lines = sum(chunk.count(b"\n") for chunk in export(search, window, form="ndjson"))
    assert lines == _EXPORTED
    return cost


def seal_all(data: Dataset) -> tuple[int, Cost]:
    """Seal every log with the job's own function, without its pauses; returns how many there were."""
    from logs.storage.blocks.seal import seal

    cost = Cost()
    with measured(cost):
        sealed = seal(data.now + timedelta(days=3), seconds=86_400, pause=lambda _: None)
    assert not sealed.failed
    mark_sealed(data)
    return sealed.logs, cost


def deleted(data: Dataset) -> tuple[int, Cost]:
    """Delete an environment of the biggest organisation, and take that back; returns how many logs it had."""
    from django.db import transaction

    from services.models import Environment

    environment = Environment.objects.get(service__org__name=BIG, service__name="mailer", name="production")
    cost = Cost()
    with transaction.atomic():
        logs = _value("SELECT sum(count) FROM log_counts WHERE environment_id = %s", environment.pk)
        with measured(cost):
            _value("DELETE FROM environments WHERE id = %s RETURNING 1", environment.pk)
        transaction.set_rollback(True)
    return int(logs), cost


def _value(sql: str, *params: Any) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


def size_of_rows() -> float:
    """Return the bytes of a log as a row, all included."""
    sizes = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('logs')"
    return float(_value(sizes)) / max(_value("SELECT count(*) FROM logs"), 1)


def sizes_of_blocks() -> Table:
    """Return the bytes of a log in a block, all included, and of its parts."""
    logs, blocks = _value("SELECT sum(count) FROM log_blocks"), _value("SELECT count(*) FROM log_blocks")
    asked = {"all included": "pg_total_relation_size('log_blocks')", "indexes": "pg_indexes_size('log_blocks')"}
    asked |= {name: f"sum(pg_column_size({name}))" for name in _SECTIONS}
    table = Table(f"Bytes of a sealed log, of {logs:,} in {blocks:,} blocks", ["", "bytes"])
    for name, sql in asked.items():
        table.add(name, f"{_value(f'SELECT {sql} FROM log_blocks') / logs:.1f}")
    return table


def table_of(title: str, kinds: dict[str, str], rows: dict[str, Cost], sealed: dict[str, Cost]) -> Table:
    """Return the table of searches of one kind, rows beside sealed logs."""
    head = ["", "an example", *(f"{form}: {each}" for form in ("rows", "sealed") for each in _HEAD)]
    table = Table(title, head)
    for name, cost in sealed.items():
        before = rows[name].cells() if name in rows else [""] * len(_HEAD)
        table.add(name, f"`{kinds[name]}`" if kinds[name] else "", *before, *cost.cells())
    return table


_HEAD = ("CPU p50", "p95", "out of time")


def tables(data: Dataset, chosen: argparse.Namespace) -> list[Table]:
    """Measure rows, seal them, and measure again; rows that have been sealed are as an earlier run measured them."""
    kinds = kinds_of(data, chosen.queries)
    if not data.is_sealed:
        measure_rows(data, kinds, chosen)
    was = json.loads((data.directory / "rows.json").read_text())
    costs = {title: {name: Cost(**cost) for name, cost in some.items()} for title, some in was["searches"].items()}
    sealed, sizes = searches(data, kinds, chosen.queries, chosen.only), sizes_of_blocks()
    life = Table("The life of a log", ["", "rows", "sealed"])
    life.add("bytes, all included", was["bytes"], sizes.rows[0][1])
    life.add("sealing, µs of CPU a log", "", was["sealing"])
    life.add("export, lines a second of CPU", was["exported"], _lines(exported(data)))
    life.add("deleting an environment, µs of CPU a log", was["deleted"], _each(*deleted(data)))
    life.add("memory of the process that searched, MB", "", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    examples = {_title(org): {name: some[0] for name, some in queries.items()} for org, queries in kinds.items()}
    others = COUNTS | aggregates.EXAMPLES
    return [
        life, sizes,
        *(table_of(title, examples.get(title, others), costs.get(title, {}), cost) for title, cost in sealed.items()),
    ]  # fmt: skip


def measure_rows(data: Dataset, kinds: Kinds, chosen: argparse.Namespace) -> None:
    """Measure the rows, and seal them; what was measured is kept beside the data set."""
    costs = searches(data, kinds, chosen.queries, chosen.only)
    was = {
        "searches": {title: {name: asdict(cost) for name, cost in some.items()} for title, some in costs.items()},
        "bytes": f"{size_of_rows():.0f}", "exported": _lines(exported(data)), "deleted": _each(*deleted(data)),
        "sealing": _each(*seal_all(data)),
    }  # fmt: skip
    (data.directory / "rows.json").write_text(json.dumps(was))


def _each(logs: int, cost: Cost) -> str:
    return f"{cost.cpu[0] * 1000 / logs:.1f}"


def _lines(cost: Cost) -> str:
    return f"{_EXPORTED / cost.cpu[0] * 1000:,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--queries", type=int, default=20, help="of each kind")
    parser.add_argument("--only", default="", help="kinds of searches whose name has this")
    parser.add_argument("--again", action="store_true", help="take the data set that an earlier run has sealed")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    with dataset(chosen.rows, is_sealed=chosen.again) as data:
        text = "\n\n".join([machine(), *(table.markdown() for table in tables(data, chosen))])
    print(text)
    if chosen.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Sealed logs", text)


if __name__ == "__main__":
    main()
