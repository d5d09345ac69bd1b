"""What is stored is found, in the database: by any part of it, by its fields, and page by page each row once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Org
from logs.cursor import LogCursor
from logs.models import LogEntry
from logs.search.fields import key_for_json
from logs.search.flat_fields import flat_fields
from logs.search.operators import Equals
from logs.search.page import newest_page, prepare
from logs.search.parser import parse
from logs.search.printer import print_query
from logs.search.rows import LogRow
from logs.search.session import search_session
from logs.search.slices import Window
from logs.search.tree import Text, Value
from services.models import Service
from services.scopes import scopes_of
from tests.support.factories import make_log, make_org, make_service

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STORABLE = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")
WORD = st.sampled_from(
    ["charge", "failed", "5000", "1e5", "x86", "0x1F", "-5", "1.5", "a.b.c", "/api/users/1", "a@b.example", "<b>"]
) | st.sampled_from(["&amp;", "été", "日本", "it's", "foo_bar", "1e5abc", "http://x/y?z=1", "—", "\\"])
WORDS = st.lists(WORD, min_size=3, max_size=7).map(" ".join)
LINE = WORDS | st.text(STORABLE, min_size=1, max_size=40) | st.text("aB%_\\'\" /=日ſΣσςıİß\n", min_size=1, max_size=30)


def found(org: Org, query: str, *, days: float = 30, limit: int = 100, before: LogCursor | None = None) -> list[LogRow]:
    window = Window(NOW - timedelta(days=days), NOW + timedelta(days=1))
    with search_session(org.pk) as session:
        search = prepare(org.pk, parse(query), scopes_of(org))
        page = newest_page(session, search, window, now=NOW, seconds=10, before=before, limit=limit)
    assert page.searched_to is None
    return list(page.rows)


def ids(rows: list[LogRow]) -> list[int]:
    return [row.id for row in rows]


@DATABASE
@given(data=st.data(), message=LINE, age=st.sampled_from([0, 5, 300, 20_000, 900_000]))
def test_a_log_is_found_by_any_part_of_it(service: Service, data: Any, message: str, age: int) -> None:
    LogEntry.objects.all().delete()
    log = make_log(service, message, ts=NOW - timedelta(seconds=age))
    make_log(service, "something else", ts=NOW - timedelta(seconds=age))
    start = data.draw(st.integers(0, len(message) - 1))
    part = message[start : data.draw(st.integers(start + 1, len(message)))]
    query = print_query(Text(part))
    assert log.pk in ids(found(service.org, query))
    assert log.pk not in ids(found(service.org, f"-{query}"))
    assert log.pk in ids(found(service.org, f"-{query} OR {query}"))


def test_a_word_longer_than_an_index_takes_is_found(service: Service) -> None:
    log = make_log(service, f"one two {'x' * 3_000} three", ts=NOW - timedelta(days=2))
    assert ids(found(service.org, f'"wo {"x" * 3_000} th"')) == [log.pk]
    assert ids(found(service.org, '"xxx three"')) == [log.pk]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("TIMED", True),
        ('"imed o"', True),
        ("imed 50", True),
        ('"timed out at 50%"', True),
        ('"timed in at 50%"', False),
        ('" timed "', True),
        ("50%", True),
        ("50_", False),
        ("a\\b", True),
        ("a\\\\b", False),
        ("ÉCLAIR", True),
        ("日本", True),
        ("本語", True),
        ("שלום", True),
        ("charge -refund", True),
        ("charge -timed", False),
        ("(nothing OR timed) charge", True),
        ("level:warn", True),
        ("level:>=error", False),
        ("-level:debug,info", True),
        ("service:api env:prod", True),
        ("env:staging", False),
        ("-env:staging", True),
        ("service:nobody", False),
        ("-service:nobody", True),
        ("trace:t-1", True),
        ("trace:t-2", False),
        ("trace:*", True),
        ("-request:*", True),
        ("request:r", False),
        ("status:500", True),
        ('status:"500"', False),
        ('code:"500"', True),
        ("code:500", True),
        ("status:>499", True),
        ("status:>500", False),
        ("code:>5", False),
        ("status:404,500", True),
        ("user.id:42", True),
        ("user.id:*", True),
        ("user.name:*", False),
        ("flat.key:yes", True),
        ("deep.flat.key:1", True),
        ("ok:true", True),
        ('ok:"true"', False),
        ("gone:null", True),
        ("tags:red", True),
        ("items.sku:7", True),
        ("ratio:0.25", True),
        ("below:-5", True),
        ("below:<-4", True),
        ("meta.level:high", True),
        ("meta.trace:*", False),
        ('"odd key":"a \\"b\\""', True),
        ("missing:*", False),
        ("-missing:1", True),
        ("status:1e999", False),
        ("status:" + "9" * 90, False),
    ],
)
def test_a_query_finds(service: Service, query: str, *, matches: bool) -> None:
    meta = {
        "status": 500, "code": "500", "user": {"id": 42}, "flat.key": "yes", "deep": {"flat.key": 1}, "ok": True,
        "gone": None, "tags": ["red", "blue"], "items": [{"sku": 7}, {"sku": 8}], "ratio": 0.25, "below": -5,
        "level": "high", "odd key": 'a "b"',
    }  # fmt: skip
    message = "charge timed out at 50% in a\\b: éclair 日本語 שלום"
    log = make_log(service, message, ts=NOW, level="warn", trace_id="t-1", meta_json=meta)
    assert ids(found(service.org, query)) == ([log.pk] if matches else [])


JSON_SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(STORABLE)
)
JSON_KEY = st.text(STORABLE, max_size=6) | st.sampled_from(["level", "meta", "meta.x", "a.b", "trace", '"', "$", "*"])
JSON_OBJECT = st.recursive(
    st.dictionaries(JSON_KEY, JSON_SCALAR, max_size=3),
    lambda inner: st.dictionaries(JSON_KEY, inner | JSON_SCALAR, max_size=3),
    max_leaves=8,
)


@DATABASE
@given(meta=JSON_OBJECT)
def test_a_log_is_found_by_every_field_of_its_json(service: Service, meta: dict[str, Any]) -> None:
    LogEntry.objects.all().delete()
    log = make_log(service, ts=NOW, meta_json=meta)
    for field in flat_fields(meta, 300):
        if field.term:
            assert ids(found(service.org, print_query(field.term))) == [log.pk], json.dumps(meta)


@DATABASE
@given(
    ages=st.lists(st.sampled_from([0, 0, 0, 1, 1, 59, 60, 61, 4000, 90_000]), max_size=25),
    limit=st.integers(1, 7),
    query=st.sampled_from(["", "hello", "level:info", "level:info,warn", "service:api", "env:prod", "k:1", "-nothing"]),
)
def test_pages_hold_each_row_once_in_order(service: Service, ages: list[int], limit: int, query: str) -> None:
    LogEntry.objects.all().delete()
    for age in ages:
        make_log(service, ts=NOW - timedelta(seconds=age), meta_json={"k": 1})
    seen: list[LogRow] = []
    before = None
    for _ in range(len(ages) + 1):
        rows = found(service.org, query, limit=limit, before=before)
        seen += rows
        if len(rows) < limit:
            break
        before = rows[-1].address
    expected = LogEntry.objects.order_by("-ts", "-id").values_list("pk", flat=True)
    assert ids(seen) == list(expected)


def test_another_organisations_logs_are_never_found(service: Service) -> None:
    other = make_service(make_org(), "api")
    make_log(other, "secret", ts=NOW)
    for query in ("", "secret", "service:api", f"service:{other.pk}", "-level:error", "a OR secret"):
        assert found(service.org, query) == []


def test_a_service_no_one_knows_is_reported(service: Service) -> None:
    search = prepare(service.org_id, parse("service:apj env:prodction"), scopes_of(service.org))
    assert search.notices == (
        "No service is called “apj”. Did you mean api?",
        "No environment is called “prodction”. Did you mean production?",
    )


def test_a_term_for_a_field_reads_back() -> None:
    assert print_query(Equals(key_for_json("level"), (Value("x"),))) == "meta.level:x"
