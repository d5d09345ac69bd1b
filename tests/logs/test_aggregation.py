"""Aggregations are the same of rows, of sealed logs, and of both; and they are what a loop over the logs computes."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import Org
from logs.models import LogBlock
from logs.search.aggregation.groups import Aggregate
from logs.search.aggregation.measures import DISTINCT_ERROR, HASHES, Distinct, hash_of
from logs.search.aggregation.query import Aggregation, Bars
from logs.search.aggregation.run import aggregate
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.session import SearchSession
from logs.search.slices import Window
from logs.storage.blocks.fields import text_of_number
from logs.storage.blocks.numbers import QUANTILE_ERROR
from logs.storage.blocks.paths import values_in
from services.scopes import Scopes, scopes_of
from tests.logs.test_sealed_search import NOW, org_with_logs, query
from tests.support.sealing import seal_everything

__all__ = ["org_with_logs"]
WINDOW = Window(NOW - timedelta(hours=2), NOW + timedelta(hours=1))
BARS = Bars(WINDOW.start - timedelta(minutes=3), timedelta(minutes=17))
KEYS = ["a", "a.b", "tags", "items.sku", "items.n", "http.status", "took_ms", "n", "s", "k8s.pod", "absent", "o"]
COLUMNS = ["level", "service", "env", "trace", "request", "message"]
SHARES = (0.0, 0.1, 0.5, 0.95, 1.0)


def aggregations() -> list[Aggregation]:
    chance = random.Random(3)
    asked = [Aggregation(), Aggregation(bars=BARS)]
    for field in [*KEYS, *COLUMNS]:
        asked.append(Aggregation(by=field, most_groups=chance.choice([1, 3, 50])))
        if field not in ("service", "env"):
            asked.append(Aggregation(distinct=field, by=chance.choice(["", "level", "n"])))
    for field in ("a", "a.b", "tags", "http.status", "took_ms", "n"):
        asked.append(Aggregation(of=field, has_quantiles=True))
        asked.append(Aggregation(of=field, by=chance.choice([*KEYS, *COLUMNS]), has_quantiles=chance.random() < 0.5))
    return [
        replace(each, bars=chance.choice([None, BARS])) if not (each.by and each.distinct) else each for each in asked
    ]


def shown(results: list[Aggregate]) -> list[Any]:
    """Return results as what can be compared, different values by their count."""
    return [
        [each.logs, each.count_error, each.is_complete]
        + [
            [group.value, _of(group.whole), {at: _of(bar) for at, bar in group.bars.items()}]
            for group in (*each.groups, each.others, each.ungrouped)
        ]
        for each in results
    ]


def _of(measures: Any) -> dict[str, Any]:
    quantiles = [measures.numbers.quantile(share) for share in SHARES]
    numbers = {**asdict(measures.numbers), "buckets": measures.numbers.buckets.counts}
    return {"logs": measures.logs, "numbers": numbers, "distinct": measures.distinct.count, "quantiles": quantiles}


def computed(org: Org, scopes: Scopes, queries: list[str]) -> list[Any]:
    asked = aggregations()
    return [
        shown(aggregate(SearchSession(org.pk), prepare(org.pk, parse(text), scopes), WINDOW, asked, seconds=60))
        for text in queries
    ]


@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_rows_and_blocks_give_the_same_aggregates(org_with_logs: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.storage.blocks.seal._WORTH_MERGING", 0)
    chance, scopes = random.Random(17), scopes_of(org_with_logs)
    queries = ["", "level:info", "env:production took_ms:>5", *(query(chance) for _ in range(3))]
    of_rows = computed(org_with_logs, scopes, queries)
    seal_everything(NOW - timedelta(minutes=30), most=20)
    assert computed(org_with_logs, scopes, queries) == of_rows
    with connection.cursor() as cursor:  # of some, as if they had been sealed before there were any
        cursor.execute("UPDATE log_blocks SET summary = NULL WHERE id % 3 = 0")
    assert computed(org_with_logs, scopes, queries) == of_rows
    monkeypatch.setattr("logs.storage.blocks.json_packing._COLUMNS", 0)  # documents stay whole
    seal_everything(most=45)
    assert computed(org_with_logs, scopes, queries) == of_rows


class Looped:
    """The logs of an organisation, to compute by a loop."""

    def __init__(self, org: Org, text: str) -> None:
        scopes = scopes_of(org)
        page = newest_page(
            SearchSession(org.pk), prepare(org.pk, parse(text), scopes), WINDOW, now=NOW, seconds=60, limit=400
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, meta_json::text, trace_id FROM logs WHERE org_id = %s", [org.pk])
            stored = {id_: (meta, trace) for id_, meta, trace in cursor.fetchall()}
        self.rows = [(row, *stored[row.id]) for row in page.rows]
        self.names = scopes.by_environment()

    def items(self, meta: str | None, key: str) -> list[Any]:
        if meta is None:
            return []
        found = values_in(json.loads(meta, parse_int=Decimal, parse_float=Decimal), key)
        items = [item for each in found for item in (each if isinstance(each, list) else [each])]
        return [item for item in items if not isinstance(item, list | dict)]

    def values(self, number: int, field: str) -> set[str]:
        row, meta, trace = self.rows[number]
        columns = {"level": row.level, "service": self.names[row.environment_id].service, "trace": trace}
        if field in columns:
            return {columns[field]} - {None}
        texts = set()
        for item in self.items(meta, field):
            is_number = isinstance(item, Decimal)
            texts.add(text_of_number(f"{item:f}") if is_number else item if isinstance(item, str) else json.dumps(item))
        return {text[:200] for text in texts}

    def numbers(self, number: int, field: str) -> list[Decimal]:
        return [item for item in self.items(self.rows[number][1], field) if isinstance(item, Decimal)]


@pytest.mark.django_db
@pytest.mark.parametrize("is_sealed", [False, True])
def test_aggregates_are_what_a_loop_computes(org_with_logs: Org, is_sealed: bool) -> None:
    text = "level:>=info"
    logs = Looped(org_with_logs, text)
    if is_sealed:
        seal_everything(most=60)
    search = prepare(org_with_logs.pk, parse(text), scopes_of(org_with_logs))
    for by, of in (("service", "took_ms"), ("tags", "a.b"), ("n", "n"), ("trace", "took_ms"), ("level", "http.status")):
        asked = (
            [Aggregation(by=by, of=of, has_quantiles=True, most_groups=100), Aggregation(distinct=by)]
            if by != "service"
            else [Aggregation(by=by, of=of, has_quantiles=True, most_groups=100)]
        )
        found = aggregate(SearchSession(org_with_logs.pk), search, WINDOW, asked, seconds=60)
        members: dict[str | None, list[int]] = defaultdict(list)
        for number in range(len(logs.rows)):
            for value in logs.values(number, by) or {None}:
                members[value].append(number)
        assert found[0].logs == len(logs.rows)
        groups = {group.value: group.whole for group in (*found[0].groups, found[0].ungrouped)}
        assert {value: measures.logs for value, measures in groups.items() if measures.logs} == {
            value: len(numbers) for value, numbers in members.items()
        }
        if len(found) > 1:
            assert found[1].ungrouped.whole.distinct.count == len(members.keys() - {None})
        for value, places in members.items():
            numbers = sorted(number for place in places for number in logs.numbers(place, of))
            mine = groups[value].numbers
            assert mine.count == len(numbers)
            if numbers:
                assert (mine.least, mine.greatest) == (numbers[0], numbers[-1])
                assert mine.total == sum(map(Decimal, numbers), Decimal(0)) or max(map(abs, numbers)) > 10**20
                for share in SHARES:
                    near = mine.quantile(share)
                    exact = numbers[max(math.ceil(share * len(numbers)), 1) - 1]
                    assert near is not None
                    assert abs(near - float(exact)) <= abs(float(exact)) * QUANTILE_ERROR or abs(exact) > 10**300


@pytest.mark.django_db
def test_small_groups_are_put_together_where_there_are_many(
    org_with_logs: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = prepare(org_with_logs.pk, parse(""), scopes_of(org_with_logs))
    asked = [Aggregation(by="message", of="took_ms", most_groups=3)]

    def result() -> Aggregate:
        return aggregate(SearchSession(org_with_logs.pk), search, WINDOW, asked, seconds=60)[0]

    exact = result()
    monkeypatch.setattr("logs.search.aggregation.of_rows._MOST_GROUPS", 10)
    monkeypatch.setattr("logs.search.aggregation.groups._MOST_CELLS", 10)
    of_rows = result()
    seal_everything(most=20)
    for bounded in (of_rows, result()):
        assert bounded.logs == exact.logs == sum(group.whole.logs for group in (*bounded.groups, bounded.others))
        assert bounded.others.whole.numbers.count + sum(group.whole.numbers.count for group in bounded.groups) == (
            exact.others.whole.numbers.count + sum(group.whole.numbers.count for group in exact.groups)
        )
        assert 0 < bounded.count_error < exact.logs / 3
    monkeypatch.setattr("logs.search.aggregation.of_rows._MOST_CELLS", 1)
    assert result().is_complete


@pytest.mark.django_db
def test_a_damaged_summary_is_noted_and_its_block_opened(org_with_logs: Org) -> None:
    search = prepare(org_with_logs.pk, parse(""), scopes_of(org_with_logs))
    asked = [Aggregation(by="http.status"), Aggregation(of="took_ms", has_quantiles=True)]
    seal_everything()

    def result() -> list[Any]:
        session = SearchSession(org_with_logs.pk)
        return shown(aggregate(session, search, WINDOW, asked, seconds=60, first=WINDOW.length))

    whole = result()
    block = LogBlock.objects.earliest("pk")
    stored = bytes(block.summary)
    for damaged in (b"", stored[:9], stored[:20] + bytes([stored[20] ^ 1]) + stored[21:]):
        LogBlock.objects.filter(pk=block.pk).update(summary=damaged, damaged_at=None)
        assert result() == whole
        assert LogBlock.objects.get(pk=block.pk).damaged_at


def test_what_cannot_be_aggregated_is_refused() -> None:
    for wrong in ({"of": "level"}, {"distinct": "env"}, {"by": "a", "distinct": "b", "bars": BARS}):
        with pytest.raises(ValueError, match=r"\."):
            Aggregation(**wrong)


def test_many_different_values_are_estimated() -> None:
    number = 40_000
    hashes = [hash_of(str(each)) for each in range(number)]
    forward, backward = Distinct(), Distinct()
    forward.add(hashes[: HASHES - 1])
    assert (forward.count, forward.is_exact) == (HASHES - 1, True)
    forward.add(hashes)
    for start in range(0, number, 3_000):
        part = Distinct()
        part.add(reversed(hashes[start : start + 3_000]))
        assert part.count
        backward.add(part.hashes, is_exact=part.is_exact)
    assert forward.count == backward.count
    assert not forward.is_exact
    assert abs(forward.count - number) < 3 * DISTINCT_ERROR * number
