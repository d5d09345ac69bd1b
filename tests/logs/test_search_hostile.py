"""Whatever `parse` accepts, PostgreSQL runs, or the page says that it cannot: for any tree, number and text.

A tenant's filter stands in the evaluation of alert rules as it does on the explorer's page, so one that the database
refuses must be that tenant's own affair.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logs.search import compiler
from logs.search.errors import QuerySyntaxError
from logs.search.page import newest_page, prepare
from logs.search.parser import MAX_LENGTH, parse
from logs.search.session import search_session
from logs.search.slices import Window
from pulseops.core.db.statement_timeout import QueryFailedError
from services.models import Service
from services.scopes import scopes_of
from tests.logs.reading import page
from tests.support.factories import make_log

NOW = datetime(2026, 3, 17, 12, 0, tzinfo=UTC)
ARABIC, FULL_WIDTH = "1\u0663", "\uff11"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VALUES = [*map(str, range(10, 100)), *map("".join, itertools.product(LETTERS, repeat=2))]
SIX_PARTS = f"a.b.c.d.e.f:{','.join(VALUES)}"[:995]  # the very one that stopped the alerts of all
NUMBERS = [ARABIC, FULL_WIDTH, "\u00b2", "-0", "1e999", "-1.5E-999", "9" * 100, "0." + "0" * 98 + "1", "00", "1_0"]
NUMBERS += ["1.", ".5", "+1", "0x10", "Infinity", "nan", "1e", "--1", "1e+0", "true", "null", "1\n", "1 ", "\U0001d7d9"]
DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STORABLE = st.characters(exclude_categories=("Cs",))
SHARP = st.text("ab:\"\\()-, *<>=.$@?!&|/%_'{}[]#\n\t\x01\x7f\u2028\u0663²½Ⅷ", max_size=12)
PART = st.sampled_from(NUMBERS) | SHARP | st.text(STORABLE, max_size=8)
KEY = st.one_of(
    st.sampled_from(
        ["x", "a.b.c.d.e.f", ".".join("a" * 40), '"odd \\" $.key"', "meta.level", '"a.*"', '"@"', '""', "$"]
    ),
    SHARP.map(lambda text: '"' + text.replace("\\", "").replace('"', "") + '"'),
)
TEST = st.one_of(
    st.builds("{}{}".format, st.sampled_from([">", ">=", "<", "<="]), PART),
    st.lists(PART, min_size=1, max_size=4).map(",".join),
    st.just("*"),
)
TERM = st.builds("{}:{}".format, KEY, TEST) | PART | PART.map(lambda text: '"' + text.replace('"', "") + '"')
QUERY = st.recursive(
    TERM,
    lambda inner: st.one_of(
        inner.map("-({})".format),
        st.lists(inner, min_size=2, max_size=3).map(" OR ".join).map("({})".format),
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
    ),
    max_leaves=6,
)


def run(service: Service, query: str) -> None:
    """Search as the explorer does, walking and by index; a mistake is an answer as well."""
    try:
        node = parse(query)
    except QuerySyntaxError:
        return
    search = prepare(service.org_id, node, scopes_of(service.org))
    for days in (0.001, 30.0):
        with search_session(service.org_id) as session:
            newest_page(session, search, Window(NOW - timedelta(days=days), NOW), now=NOW, seconds=5)


@DATABASE
@given(query=QUERY)
def test_whatever_is_understood_is_run(service: Service, query: str) -> None:
    run(service, query)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", ["x:{}", "x:>{}", "a.b:{},7", "-x:<={}", '"x":{}'])
def test_no_number_stands_bare_that_is_none(service: Service, number: str, form: str) -> None:
    run(service, form.format(number))


@pytest.mark.parametrize(
    "query",
    [
        SIX_PARTS,
        "a.b.c.d.e.f:" + ",".join(map(str, range(500))),
        " OR ".join(f"a.b.c.d.e.f:{n}" for n in range(100)),
        ".".join("a" * 1_900) + ":1",
        "-(" * 19 + "a.b.c.d.e.f:*" + ")" * 19,
        " ".join(["a.b.c.d.e.f:*"] * 15),
        "x:" + "(" * 1_900,
        '"' + "." * 3_000 + '":1',
        " OR ".join(["x" * 30] * 100),
        "service:" + ",".join(f"s{n}" for n in range(600)),
    ],
    ids=str.__len__,
)
def test_what_is_large_is_refused_or_run(service: Service, query: str) -> None:
    assert len(query) <= MAX_LENGTH
    run(service, query)


@pytest.mark.parametrize("query", [SIX_PARTS, "a.b.c.d.e.f:" + ",".join(map(str, range(10)))])
def test_comparisons_have_an_end(settings: LazySettings, query: str) -> None:
    with pytest.raises(QuerySyntaxError, match="more than 500 comparisons"):
        parse(query)
    settings.LOG_QUERY_COMPARISONS = 100_000
    parse(query)


def test_the_poisoned_filter_finds_the_text(client: Client, service: Service) -> None:
    """What looks like a number to a reader of Arabic is a text here, and no error."""
    make_log(service, "hello", meta_json={"x": ARABIC})
    assert "hello" in page(client, f"q={quote('x:' + ARABIC)}")
    assert "A number must follow" in page(client, f"q={quote('x:>' + ARABIC)}")


@pytest.fixture
def refusing(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> str:
    """A query that the database refuses: its stack is too short for so many comparisons. A busy one says so late."""
    settings.LOG_QUERY_COMPARISONS = 1_000_000
    monkeypatch.setattr("logs.explorer.live_tail._SECONDS", 30)
    return SIX_PARTS


def test_pages_say_what_cannot_be_searched(client: Client, service: Service, refusing: str) -> None:
    make_log(service, "hello")
    assert "This cannot be searched." in page(client, f"q={quote(refusing)}")
    live: Any = client.get("/logs/live", {"q": refusing, "after": "1-1"})
    assert (live.status_code, live.content.startswith(b"This cannot be searched")) == (422, True)
    with pytest.raises(QueryFailedError):
        run(service, refusing)


def test_few_of_many_unknown_names_are_guessed_at(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """650 names that no service has, each compared with 120 that there are, took 0.9 s."""
    guessed: list[str] = []
    monkeypatch.setattr(compiler, "closest", lambda word, _: guessed.append(word))
    names = ",".join(f"n{number}" for number in range(240))
    search = prepare(service.org_id, parse(f"service:{names} environment:{names}"), scopes_of(service.org))
    assert 0 < len(search.notices) <= 5
    assert 0 < len(set(guessed)) <= 10  # of services and of environments
