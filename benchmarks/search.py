"""What the explorer asks of the database over ten million logs, by kind of search, beside its budgets.

    python -m benchmarks.search [--rows 10000000] [--queries 20] [--only WORDS] [--write]

Searches run through logs/search as a page runs them: what is counted is the time of all statements of a search, as the
client waits for them, and beside it the processor's time of the database's process, which says what a machine that does
other work at the same time would hide. The range is all that is stored, unless a row says otherwise. The data set's own
time is now, so that the same is measured whatever the hour. `--write` puts the tables into docs/performance.md.
"""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

import argparse
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.clock import Spent, timed
from benchmarks.dataset import BIG, ROWS, SMALL, Dataset, dataset
from benchmarks.report import Table, machine, write_section

BUDGET_MS, HISTOGRAM_BUDGET_MS = 100, 50
ALL = "-30d"
HEAD = ["", "an example", "p50", "p95", "most", "CPU p95", "statements", "out of time"]
SEARCHERS = 6  # that look for what is not there at the same time


class Bench:
    """One organisation of the data set, searched as its explorer does."""

    def __init__(self, data: Dataset, org_name: str) -> None:
        from accounts.models import Org
        from services.scopes import scopes_of

        self.now = data.now
        self.org = Org.objects.get(name=org_name)
        self.scopes = scopes_of(self.org)

    def page(self, query: str, *, since: str = ALL, before: datetime | None = None) -> bool:
        """Read a page; returns whether all that was asked for was seen."""
        from django.conf import settings

        from logs.cursor import LogCursor
        from logs.explorer.time_range import read_range
        from logs.search.page import newest_page, prepare
        from logs.search.parser import parse
        from logs.search.session import search_session

        search = prepare(self.org.pk, parse(query), self.scopes)
        window = read_range(since, "", now=self.now).window
        with search_session(self.org.pk, may_be_slow=bool(search.rest.sql)) as session:
            page = newest_page(
                session, search, window, now=self.now, seconds=settings.LOG_SEARCH_SECONDS,
                before=LogCursor(before, 0) if before else None,
            )  # fmt: skip
        return page.searched_to is None

    def whole(self, query: str, since: str) -> bool:
        """Read all that the explorer's page shows; returns whether all that was asked for was seen and counted."""
        from django.http import QueryDict

        from logs.explorer.results import explore
        from logs.explorer.state import ExplorerState

        given = QueryDict(mutable=True)
        given.update({"q": query, "from": since})
        found = explore(self.org, ExplorerState.read(given, now=self.now), self.scopes)
        return found.page.searched_to is None and found.counts.is_complete

    def counted(self, query: str, since: str) -> bool:
        """Count for the histogram and the facets; returns whether all was counted."""
        from django.conf import settings

        from logs.explorer.time_range import read_range
        from logs.search.histogram import bar_step, histogram
        from logs.search.page import prepare
        from logs.search.parser import parse
        from logs.search.session import search_session

        search = prepare(self.org.pk, parse(query), self.scopes)
        given = read_range(since, "", now=self.now)
        step = bar_step(given.end - given.start)
        with search_session(self.org.pk, may_be_slow=bool(search.rest.sql)) as session:
            counts = histogram(
                session, search, given.window, origin=given.start, step=step, until=given.end,
                seconds=settings.LOG_COUNT_SECONDS,
            )  # fmt: skip
        return counts.is_complete


def measured(runs: dict[str, Sequence[Callable[[], bool]]]) -> dict[str, Spent]:
    """Run everything once in a random order after each kind's first has warmed up; returns what each kind took."""
    order = [(name, run) for name, some in runs.items() for run in some]
    random.Random(3).shuffle(order)
    spent = {name: Spent() for name in runs}
    for some in runs.values():
        some[0]()
    for name, run in order:
        with timed(spent[name]):
            is_whole = run()
        spent[name].stopped += not is_whole
    return spent


def rows_of(table: Table, runs: dict[str, Sequence[Callable[[], bool]]], examples: dict[str, str]) -> None:
    """Measure and add a row for each kind."""
    for name, spent in measured(runs).items():
        table.add(name, f"`{examples[name]}`" if examples[name] else "", *spent.cells())


def first_pages(data: Dataset, count: int, only: str) -> list[Table]:
    """Measure the first page of the biggest organisation and of a small one."""
    from benchmarks.terms import Samples, fleet_kinds, shop_kinds

    tables = []
    for name, kinds_of in ((BIG, shop_kinds), (SMALL, fleet_kinds)):
        bench = Bench(data, name)
        samples = Samples(bench.org.pk, data.now - timedelta(days=7), data.now)
        kinds = [kind for kind in kinds_of(samples, count) if only in kind.name]
        table = Table(f"The first page, ms: {name}, {stored(bench):,} logs (budget: p95 {BUDGET_MS} ms)", HEAD)
        runs = {kind.name: [_page(bench, query) for query in kind.queries] for kind in kinds}
        rows_of(table, runs, {kind.name: kind.queries[0] for kind in kinds})
        tables.append(table)
    return tables


def _page(bench: Bench, query: str, **more: Any) -> Callable[[], bool]:
    return lambda: bench.page(query, **more)


def stored(bench: Bench) -> int:
    """Return how many logs the organisation has."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(count) FROM log_counts WHERE org_id = %s", [bench.org.pk])
        return int(cursor.fetchone()[0])


def deep_pages(data: Dataset, count: int) -> Table:
    """Measure pages from anywhere in the list."""
    bench = Bench(data, BIG)
    chance = random.Random(11)
    table = Table(f"A page from anywhere in the list, ms: {BIG} (budget: p95 {BUDGET_MS} ms)", HEAD)
    queries = {"newest": "", "level": "level:error", "common word": "payment", "JSON, common": "http.status:200"}

    def somewhere(query: str) -> Callable[[], bool]:
        return _page(bench, query, before=data.now - timedelta(days=7) * chance.random())

    rows_of(table, {name: [somewhere(query) for _ in range(count)] for name, query in queries.items()}, queries)
    return table


def counts(data: Dataset, count: int) -> Table:
    """Measure what the histogram and the facets are counted from."""
    bench = Bench(data, BIG)
    asked = {
        f"24 hours (budget: {HISTOGRAM_BUDGET_MS} ms)": ("", "-24h"),
        "24 hours, a service": ("service:api", "-24h"),
        "7 days": ("", "-7d"),
        "7 days, a level": ("level:error", "-7d"),
        "24 hours, a common word": ("payment", "-24h"),
        "7 days, a common word": ("payment", "-7d"),
        "7 days, a rare word": ("quarantined", "-7d"),
        "7 days, JSON": ("order_id:1000001", "-7d"),
    }
    table = Table(f"Histogram and facets, ms: {BIG}", HEAD)

    def run(query: str, since: str) -> Callable[[], bool]:
        return lambda: bench.counted(query, since)

    rows_of(table, {name: [run(*each)] * count for name, each in asked.items()}, {n: q for n, (q, _) in asked.items()})
    return table


def whole_pages(data: Dataset, count: int) -> Table:
    """Measure all that a page of the explorer asks: rows, histogram, facets, what else happened."""
    bench = Bench(data, BIG)
    asked = {
        "the last hour": ("", "-1h"),
        "24 hours": ("", "-24h"),
        "7 days": ("", "-7d"),
        "7 days, errors": ("level:error", "-7d"),
        "24 hours, a common word": ("payment", "-24h"),
        "7 days, a rare word": ("quarantined", "-7d"),
        "7 days, an absent word": ("absentword", "-7d"),
    }
    table = Table(f"Everything on a page of the explorer, ms: {BIG}", HEAD)

    def run(query: str, since: str) -> Callable[[], bool]:
        return lambda: bench.whole(query, since)

    rows_of(table, {name: [run(*each)] * count for name, each in asked.items()}, {n: q for n, (q, _) in asked.items()})
    return table


def beside_slow_searches(data: Dataset, count: int) -> Table:
    """Measure a small organisation alone, and while many people of the biggest one look for what is not there."""
    bench = Bench(data, SMALL)
    queries = {"newest": "", "common word": "battery", "level": "level:warn", "absent word": "absentword"}
    table = Table(f"The first page of {SMALL} while {SEARCHERS} people of {BIG} search on and on, ms", HEAD)
    runs: dict[str, Sequence[Callable[[], bool]]] = {
        name: [_page(bench, query)] * count for name, query in queries.items()
    }
    alone = measured(runs)
    with searching(data) as searched:
        beside = measured(runs)
    for name, query in queries.items():
        table.add(f"{name}, alone", f"`{query}`" if query else "", *alone[name].cells())
        table.add(f"{name}, beside", "", *beside[name].cells())
    busy = sum(not is_whole for is_whole in searched)
    table.add(f"their own searches: {len(searched)}, of which {busy} stopped early", *[""] * (len(HEAD) - 1))
    return table


@contextmanager
def searching(data: Dataset) -> Iterator[list[bool]]:
    """Let people of the biggest organisation search on and on; gives whether each search saw everything."""
    from django.db import connection

    over, done = threading.Event(), list[bool]()

    def search() -> None:
        bench = Bench(data, BIG)
        while not over.is_set():
            done.append(bench.page("took_ms:>1000000"))
        connection.close()

    threads = [threading.Thread(target=search) for _ in range(SEARCHERS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield done
    finally:
        over.set()
        for thread in threads:
            thread.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--queries", type=int, default=20, help="of each kind")
    parser.add_argument("--only", default="", help="kinds of first pages whose name has this, and nothing else")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    with dataset(chosen.rows) as data:
        tables = first_pages(data, chosen.queries, chosen.only)
        if not chosen.only:
            tables += [each(data, chosen.queries) for each in (deep_pages, counts, whole_pages, beside_slow_searches)]
        text = "\n\n".join([machine(), *(table.markdown() for table in tables)])
    print(text)
    if chosen.write:
        write_section(Path(__file__).parent.parent / "docs" / "performance.md", "Search", text)


if __name__ == "__main__":
    main()
