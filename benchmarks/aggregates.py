"""Aggregates of the biggest organisation over seven days: counts, sums, quantiles, groups and different values."""

# ruff: noqa: PLC0415 - the product is imported when its settings stand in the environment

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.search import Bench

SINCE, SECONDS = "-7d", 300.0
# What is asked: a query, and what is computed of the logs that it finds.
AGGREGATES: dict[str, tuple[str, dict[str, Any]]] = {
    "count by level": ("", {"by": "level"}),
    "count by level in bars": ("", {"by": "level", "bars": True}),
    "sum, least, greatest": ("", {"of": "took_ms"}),
    "quantiles": ("", {"of": "took_ms", "has_quantiles": True}),
    "quantiles by service": ("", {"of": "took_ms", "has_quantiles": True, "by": "service"}),
    "quantiles in bars": ("", {"of": "took_ms", "has_quantiles": True, "bars": True}),
    "quantiles by status": ("", {"of": "took_ms", "has_quantiles": True, "by": "http.status"}),
    "quantiles of a filter": ("http.status:>=400", {"of": "took_ms", "has_quantiles": True}),
    "quantiles of a common word": ("payment", {"of": "took_ms", "has_quantiles": True}),
    "ten greatest groups, few values": ("", {"by": "http.status"}),
    "ten greatest groups of a filter": ("level:error", {"by": "http.path"}),
    "ten greatest groups, many values": ("", {"by": "order_id"}),
    "different values, few": ("", {"distinct": "host"}),
    "different values, many": ("", {"distinct": "order_id"}),
}
EXAMPLES = {name: f"{query} {asked}".strip() for name, (query, asked) in AGGREGATES.items()}


def runs(bench: Bench, count: int) -> dict[str, list[Callable[[], bool]]]:
    """Return what is measured, each kind so often."""
    return {name: [_run(bench, query, asked)] * count for name, (query, asked) in AGGREGATES.items()}


def _run(bench: Bench, query: str, asked: dict[str, Any]) -> Callable[[], bool]:
    return lambda: aggregated(bench, query, asked)


def aggregated(bench: Bench, query: str, asked: dict[str, Any]) -> bool:
    """Compute one; returns whether all logs were looked at."""
    from logs.explorer.time_range import read_range
    from logs.search.aggregation.query import Aggregation, Bars
    from logs.search.aggregation.run import aggregate
    from logs.search.histogram import bar_step
    from logs.search.page import prepare
    from logs.search.parser import parse
    from logs.search.session import search_session

    given = read_range(SINCE, "", now=bench.now)
    bars = Bars(given.start, bar_step(given.end - given.start)) if asked.get("bars") else None
    search = prepare(bench.org.pk, parse(query), bench.scopes)
    with search_session(bench.org.pk, may_be_slow=True) as session:
        [result] = aggregate(
            session, search, given.window, [Aggregation(**{**asked, "bars": bars})],
            seconds=SECONDS, until=given.end,
        )  # fmt: skip
    return result.is_complete
