"""Rows and blocks give the same answers: random trees on the same logs in both forms, and mixed."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL

from accounts.models import Org
from logs.cursor import LogCursor
from logs.explorer.export import export
from logs.models import LogBlock, LogEntry
from logs.search.histogram import histogram
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.printer import print_query
from logs.search.queries import last_logged_at, log_at, matches_up_to, neighbours, oldest_at
from logs.search.sealed.matcher import column_mask
from logs.search.sealed.pruner import Pruner
from logs.search.sealed.words import word_of
from logs.search.session import SearchSession
from logs.search.slices import Window
from logs.search.tree import Node
from logs.storage.blocks.arrays import np
from logs.storage.blocks.documents import END, Column
from logs.storage.rollup import repair
from services.scopes import Scopes, scopes_of
from tests.support.factories import make_service
from tests.support.sealing import seal_everything

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
WORDS = [
    "payment", "GET", "ayme", "é", "ÉCOLE", "Σίσυφος", "ΣΊΣΥΦΟΣ", "İstanbul", "istanbul", "straße", "STRASSE", "日本語",
    "本", "مرحبا", "100%", "a_b", "back\\slash", '"quoted"', "x", "K", "\u212a", "line\nbreak", "ǅ", "ﬁ",
    "\x1b[31mred\x1b[0mdish", "cafe\u0301", "café", "a\r\n  b", "ss",
]  # fmt: skip
NUMBERS = [
    "42",
    "42.0",
    "0",
    "-0.5",
    "1e3",
    "12345678901234567890",
    "9007199254740993",
    "9007199254740992",
    "1.50",
    "200",
    "1234567890123456789012345678901234567",
    "0.10000000000000000000000000000000000001",
]
JSON = [
    "{}", "[]", "null", "true", '"text"', "7", '["a", "b"]', '{"a": null}', '{"a": {"b": 1}}',
    '{"a.b": 2, "a": {"b": 3}}',
    '{"tags": ["x", "y", 5]}', '{"items": [{"sku": "s1"}, {"sku": "s2", "n": 3}]}', '{"items": [[{"sku": "deep"}]]}',
    '{"http": {"status": 200, "path": "/a"}}', '{"http": {"status": 503}}', '{"http": {"status": "200"}}',
    '{"took_ms": 1.5}', '{"took_ms": 150}', '{"took_ms": 1e400}', '{"took_ms": -1e400}', '{"took_ms": "fast"}',
    '{"took_ms": [1, 900]}', '{"n": 9007199254740993}', '{"n": 9007199254740992}', '{"n": 12345678901234567890}',
    '{"n": 0.1}', '{"n": 42.0}', '{"n": "42"}', '{"n": true}', '{"n": "true"}', '{"n": null}', '{"n": -0}',
    '{"s": "q\\"uote"}', '{"s": "back\\\\slash"}', '{"s": "日本語"}', '{"s": "É"}', '{"s": ""}',
    '{"k8s.pod": "p-1", "k8": 1}',
    '{"odd\\": 5": 1, "": 2}', '{"o": {}, "l": []}', '{"n": 1000}', '{"n": 1000.0}', '{"took_ms": 2e2}',
]  # fmt: skip
KEYS = [
    "a", "a.b", "tags", "items.sku", "items.n", "items", "http", "http.status", "took_ms", "n", "s", "k8s.pod", "k8",
    "o", "l", "absent", "http.status.x", "meta.level",
]  # fmt: skip
VALUES = [
    "200", '"200"', "42", '"42"', "true", '"true"', "null", "x", "y", "s1", "s2", "deep", "fast", '"q\\"uote"',
    '"back\\\\slash"', "日本語", "É", '""', "p-1", "1", "2", "9007199254740993", "0.1", "1000", "1e3", "-0", "/a", "5",
]  # fmt: skip


@pytest.fixture
def org_with_logs(org: Org) -> Org:
    chance = random.Random(5)
    services = [make_service(org, name) for name in ("api", "worker")]
    places = [each for service in services for each in service.environments.order_by("name")]
    rows = []
    for number in range(320):
        place = chance.choice(places)
        ts = NOW - timedelta(seconds=chance.choice([number * 17, 60, 3600]), microseconds=number % 3)
        rows.append([
            org.pk, place.service_id, place.pk, ts, ts + timedelta(seconds=chance.choice([0, 1, 900])),
            chance.choice(["debug", "info", "info", "warn", "error"]),
            " ".join(chance.choices([*WORDS, "plain", "text"], k=3)), chance.choice([None, *JSON]),
            chance.choice([None, "", "t-1", "T-1", "f" * 32]), chance.choice([None, "r-1", "r-2"]),
        ])  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO logs (org_id, service_id, environment_id, ts, created_at, level, message, meta_json, "
            "trace_id, request_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )
    repair(org_id=org.pk)
    return org


def term(chance: random.Random) -> str:
    kind = chance.randrange(10)
    if kind < 3:
        word = chance.choice(
            [
                *WORDS,
                "text pay",
                "nowhere",
                "plain text",
                "reddish",
                "a b",
                "t-1",
                "F" * 32,
                "fast",
                "200",
                "0.1",
                "deep",
                "1.5",
                "s1",
                "true",
            ]
        )
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind == 3:
        return chance.choice(["level:error", "level:>=warn", "level:info,debug", "level:*", "service:api", "service:*",
                              "env:production", "env:nobody", "service:api,worker"])  # fmt: skip
    if kind == 4:
        return chance.choice(['trace:t-1', 'trace:"",t-1', "trace:*", "request:r-1,r-2", "request:*", "trace:absent",
                              f"trace:{'f' * 32}"])  # fmt: skip
    key = chance.choice([*KEYS, "message", "trace", "service"])
    if chance.randrange(3) == 0:
        part = chance.choice([*VALUES, *('"' + word + '"' for word in WORDS if word.isalnum())]).strip("*") or "x"
        if part != '""':
            return chance.choice([f"{key}:~{part}", f"{key}:{part}*"])
    key = chance.choice(KEYS)
    if kind == 5:
        return f"{key}:*"
    if kind == 6:
        return f"{key}:{chance.choice(['>', '>=', '<', '<='])}{chance.choice(NUMBERS)}"
    return f"{key}:{','.join(chance.choices(VALUES, k=chance.choice([1, 1, 2])))}"


def query(chance: random.Random, depth: int = 0) -> str:
    kind = chance.randrange(4 if depth < 3 else 1)
    if kind == 0:
        return term(chance)
    if kind == 1:
        return f"-({query(chance, depth + 1)})"
    joint = " OR " if kind == 2 else " "
    return "(" + joint.join(query(chance, depth + 1) for _ in range(2)) + ")"


def trees() -> list[Node]:
    chance = random.Random(11)
    every = [f"{key}:{value}" for key in KEYS for value in VALUES]
    every += [f"{key}:{sign}{number}" for key in ("n", "took_ms", "tags") for sign in (">", "<=") for number in NUMBERS]
    every += [f"{key}:*" for key in KEYS] + [term(chance) for _ in range(60)]
    chosen = chance.sample(every, 40) + [query(chance) for _ in range(30)]
    return [parse(""), *map(parse, chosen)]


def answers(org: Org, scopes: Scopes, nodes: list[Node]) -> list[Any]:
    window = Window(NOW - timedelta(hours=2), NOW + timedelta(hours=1))
    step = timedelta(minutes=7)
    found = []
    for number, node in enumerate(nodes):
        session, search = SearchSession(org.pk), prepare(org.pk, node, scopes)
        page = newest_page(session, search, window, now=NOW, seconds=60, limit=50)
        rest = page
        if page.after and number % 3 == 0:
            rest = newest_page(session, search, window, now=NOW, seconds=60, limit=400, before=page.after)
        counts = histogram(session, search, window, origin=window.start, step=step, seconds=60)
        found.append((
            print_query(node), page.rows, page.after, rest.rows, counts.bars, counts.groups,
            matches_up_to(session, search, window, most=100, seconds=60),
        ))  # fmt: skip
    return found


@pytest.mark.timeout(300)
@pytest.mark.django_db
def test_rows_and_blocks_give_the_same_answers(org_with_logs: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.storage.blocks.seal._WORTH_MERGING", 0)
    org, nodes = org_with_logs, trees()
    scopes = scopes_of(org)
    of_rows = answers(org, scopes, nodes)
    assert sum(bool(answer[1]) for answer in of_rows) > len(nodes) / 3
    assert seal_everything(NOW - timedelta(minutes=30), most=20)
    assert LogEntry.objects.exists()
    for mixed, rows in zip(answers(org, scopes, nodes), of_rows, strict=True):
        assert mixed == rows
    monkeypatch.setattr("logs.storage.blocks.json_packing._COLUMNS", 0)  # too few for these: documents stay whole
    seal_everything(most=45)
    assert LogBlock.objects.count() > 8
    for sealed, rows in zip(answers(org, scopes, nodes), of_rows, strict=True):
        assert sealed == rows


@pytest.mark.django_db
def test_what_is_asked_beside_searches_is_the_same(org_with_logs: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SearchSession, "_at_most", lambda self, seconds: 60.0)
    org, scopes = org_with_logs, scopes_of(org_with_logs)
    logs = list(LogEntry.objects.order_by("-ts", "-id")[:40:7])
    window = Window(NOW - timedelta(days=2), NOW + timedelta(hours=1))

    def asked() -> list[Any]:
        session = SearchSession(org.pk)
        found: list[Any] = [oldest_at(session, org.pk)]
        found += [last_logged_at(session, org.pk, None, before=log.ts) for log in logs]
        found += [last_logged_at(session, org.pk, [(log.service_id, log.environment_id)], before=NOW) for log in logs]
        details = [log_at(session, org.pk, LogCursor(log.ts, log.pk)) for log in logs]
        assert all(details)
        found += [*details, log_at(session, org.pk, LogCursor(logs[0].ts, logs[0].pk + 10**6))]
        found += [neighbours(session, detail.row, org.pk, count=12) for detail in details if detail]
        for text in ("", "payment OR GET", "http.status:200"):
            search = prepare(org.pk, parse(text), scopes)
            found += [b"".join(export(search, window, form=form)) for form in ("ndjson", "csv")]
        return found

    of_rows = asked()
    seal_everything(NOW - timedelta(minutes=30), most=20)
    assert asked() == of_rows
    seal_everything(most=45)
    assert asked() == of_rows


@pytest.mark.django_db
def test_counts_of_sealed_logs_are_proved_as_those_of_rows(org_with_logs: Org) -> None:
    seal_everything(most=50)
    checked = repair(org_id=org_with_logs.pk)
    assert (checked.logs, checked.wrong_minutes) == (320, 0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE log_counts SET count = count + 1 WHERE level = 'error'")
    assert repair(org_id=org_with_logs.pk).wrong_minutes
    assert repair(org_id=org_with_logs.pk).wrong_minutes == 0


def test_a_long_query_asks_for_a_bounded_number_of_bits() -> None:
    words = " ".join(f"{number:032x}" for number in range(100))
    for query in (words, " OR ".join(words.split()), f"n:{','.join(words.split())}"):
        assert len(Pruner(Scopes(())).prune(parse(query)).sql) < 40_000


@pytest.mark.django_db
def test_numbers_of_many_digits_are_found(org_with_logs: Org) -> None:
    org, scopes = org_with_logs, scopes_of(org_with_logs)
    number = "1234567890123456789012345678901234567"
    LogEntry.objects.filter(pk=LogEntry.objects.latest("pk").pk).update(
        meta_json=RawSQL("%s::jsonb", [f'{{"n": {number}.0}}'])
    )
    window = Window(NOW - timedelta(hours=3), NOW + timedelta(hours=1))

    def found(query: str) -> int:
        return len(
            newest_page(SearchSession(org.pk), prepare(org.pk, parse(query), scopes), window, now=NOW, seconds=60).rows
        )

    queries = [f"n:{number}", f"n:{number}.00", f"n:>={number}", f"n:{number[:-1]}8", f"n:>{number}"]
    of_rows = [found(query) for query in queries]
    assert of_rows == [1, 1, 1, 0, 0]
    seal_everything()
    assert [found(query) for query in queries] == of_rows


def test_a_column_of_texts_says_what_one_with_a_dictionary_says() -> None:
    values = [
        b"1.5", b'"GET"', b"-2", b"true", b'["get", 7]', b"null", b'"7"', b"7", b"7.0", b'"a\\"b"', b"1e3",
        b'"Get x"', b"[]",
    ]  # fmt: skip
    texts = values * 3
    column = Column(len(texts), text=END.join(texts))
    dictionary = Column(len(texts), entries=values, places=np.tile(np.arange(len(values), dtype=np.uint8), 3))
    for query in ("n:7", "n:>1", "n:<=7", "n:GET", "n:get*", "n:*7*", "n:true", 'n:"a\\"b"', "n:>-3", "n:1.50"):
        test: Any = parse(query)
        assert column_mask(column, test).tolist() == column_mask(dictionary, test).tolist(), query
    for word in ("get", "7", '"', "x", "1.5", "null", "get x"):
        found = word_of(word).in_column(column).tolist()
        assert found == word_of(word).in_column(dictionary).tolist(), word


def test_words_of_the_tests_differ() -> None:
    assert max(Counter(WORDS).values()) == 1
