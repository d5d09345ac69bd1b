"""Ingest rules: secrets are gone before anything is stored, samples are kept, and what was done is counted."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from logs.ingest.columns import Batch, Columns
from logs.ingest_rules.builtin import BUILT_IN
from logs.ingest_rules.clock import ScrubClock
from logs.ingest_rules.compiled import CompiledRules
from logs.ingest_rules.rules import IngestRules, KeepRule, OwnPattern, PatternError, check_steps, compile_pattern
from logs.ingest_rules.scrub import WITHHELD_RULE, Scrubber
from tests.support.cpu import BUDGET_SECONDS

ALL = IngestRules(tuple(each.name for each in BUILT_IN))
ClientFor = Callable[[User], Client]
SECRETS = {
    "Authorization: Bearer abcdef0123456789": "Authorization: Bearer [redacted token]",
    "password=hunter2 for ada": "password=[redacted token] for ada",
    "api_key: 0123456789abcdef, next": "api_key: [redacted token], next",
    "jwt eyJhbGciOi.eyJzdWIiOi.sig-x end": "jwt [redacted token] end",
    "key AKIAABCDEFGHIJKLMNOP.": "key [redacted cloud key].",
    "push with ghp_" + "a1B2" * 9: "push with [redacted cloud key]",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\n-----END RSA PRIVATE KEY-----": "[redacted cloud key]",
    "paid by 4111 1111 1111 1111 today": "paid by [redacted card] today",
    "paid by 5500-0000-0000-0004": "paid by [redacted card]",
    "mail to ada.l+x@example.co.uk!": "mail to [redacted email]!",
    "from 203.0.113.9:443": "from [redacted ip]:443",
    "from 2001:db8::7 and ::1": "from [redacted ip] and [redacted ip]",
    "from ::ffff:203.0.113.9:443": "from [redacted ip]:443",
    "2001:db8::7: refused, [::1]:80": "[redacted ip]: refused, [[redacted ip]]:80",
    "IP 203.0.113.9.443 > 198.51.100.2.53: Flags": "IP [redacted ip].443 > [redacted ip].53: Flags",
    "at 12:30:198.51.100.2": "at 12:30:[redacted ip]",
}
HARMLESS = [
    "order 4111111111111112 is no card",
    "0000000000000000",
    "at 12:30:45 took 1.2.3 s",
    "version 1.2.3.400",
    "user@localhost said hi",
    "Foo::Bar::baz failed, map :: Int",
    "aa:bb:cc:dd:ee:ff, [30/Nov/2026:11:44:53 +0000]",
    "the password was wrong",
    "status 200 for /api/users/123/profile",
]


def scrub(text: str, rules: IngestRules = ALL) -> str:
    counts: Counter[str] = Counter()
    (after,) = Scrubber(rules).messages([text], counts)
    assert (after != text) == bool(counts.total())
    return after


@pytest.mark.parametrize(("before", "after"), SECRETS.items())
def test_what_everybody_calls_a_secret_is_taken_out(before: str, after: str) -> None:
    assert scrub(before) == after


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none_stays(text: str) -> None:
    assert scrub(text) == text


def test_own_patterns_see_beginnings_and_ends() -> None:
    rules = IngestRules(own=(OwnPattern("customer", "cus_[0-9a-z]+$"),))
    assert Scrubber(rules).messages(["x cus_1", "cus_2 y"], Counter()) == ["x [redacted customer]", "cus_2 y"]


META: list[tuple[Any, Any]] = [
    ({"user": {"mail": "ada@example.com"}}, {"user": {"mail": "[redacted email]"}}),
    ({"list": ["a", ["203.0.113.9"]]}, {"list": ["a", ["[redacted ip]"]]}),
    ({"ada@example.com": 1}, {"ada@example.com": 1}),
    ({"card": 4111111111111111}, {"card": "[redacted card]"}),
    ({"id": 41111111111111110000001}, {"id": 41111111111111110000001}),
    ({"quote": 'say "password=hunter2" \\ twice'}, {"quote": 'say "password=[redacted token]" \\ twice'}),
]


@pytest.mark.parametrize(("before", "after"), META)
def test_texts_in_json_are_scrubbed_and_nothing_else(before: Any, after: Any) -> None:
    (text,) = Scrubber(ALL).metas([json.dumps(before)], Counter())
    assert json.loads(str(text)) == after


def test_escapes_hide_nothing() -> None:
    escaped = r'{"mail": "ada\u0040example.com", "auth": "Bearer abc\/def\/0123456789"}'
    (text,) = Scrubber(ALL).metas([escaped], Counter())
    assert json.loads(str(text)) == {"mail": "[redacted email]", "auth": "Bearer [redacted token]"}


def test_numbers_keep_their_digits() -> None:
    before = '{"n": 1.10, "big": 1e400, "z": -0, "mail": "a@b.example"}'
    (text,) = Scrubber(ALL).metas([before], Counter())
    assert text == '{"n": 1.10, "big": 1e400, "z": -0, "mail": "[redacted email]"}'


JSON = st.recursive(st.text(max_size=30) | st.integers() | st.none(), lambda x: st.lists(x, max_size=4), max_leaves=8)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(JSON, max_size=5))
def test_json_stays_json(values: list[Any]) -> None:
    texts = [json.dumps({"v": value, "m": "a@b.example"}, ensure_ascii=False) for value in values]
    for text, value in zip(Scrubber(ALL).metas(texts, Counter()), values, strict=True):
        found = json.loads(str(text))
        assert found["m"] == "[redacted email]"
        assert type(found["v"]) is type(value) or isinstance(value, int)


@given(st.lists(st.text()))
def test_all_at_once_is_as_one_by_one(texts: list[str]) -> None:
    scrubber = Scrubber(ALL)
    assert [*scrubber.messages(texts, Counter())] == [scrubber.messages([text], Counter())[0] for text in texts]


PIECES = st.sampled_from(
    [
        "ada@example.com",
        "203.0.113.9",
        "4111111111111111",
        "password=hunter2",
        "a",
        " ",
        ":",
        "::1",
        "é",
        ",",
        "[]",
        "-",
    ]
)
VALUES = st.recursive(
    st.lists(PIECES, max_size=5).map("".join) | st.sampled_from([4111111111111111, 7, -4111111111111111, 1.5, None]),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.lists(PIECES, max_size=3).map("".join), x, max_size=4),
    max_leaves=10,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.text("ab@", max_size=3), VALUES, max_size=4), max_size=5))
def test_json_together_is_as_literal_by_literal(values: list[Any]) -> None:
    scrubber = Scrubber(ALL)
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    together = scrubber.metas(texts, Counter())
    assert [*together] == [scrubber._meta(text, Counter(), ScrubClock()) for text in texts]


# -- What a sender, or the author of a pattern, could keep a process busy with ----------------------------------------

FULL_OF_SECRETS = ("1.1.1.1 ", "::1 ", "a@a.aa ", "pwd=abc ", "4111 1111 1111 1111 ", "4111111111111112 ", "xoxb-")
AS_AND_BS = "".join(random.Random(1).choices("ab", k=9_973))
SLOW_PATTERNS = ("[ab]*a[ab]{150}c", "x[ab]*a[ab]{150}c", "a[ab]{150}d", "^[ab]*a[ab]{150}c", ".")


def shapes(unit: str, size: int) -> list[tuple[list[str], list[str]]]:
    """Return the same text as messages and as JSON: short ones, the longest, and one that is all of a request."""
    text = unit * (size // len(unit))
    cut = [[text[i : i + length] for i in range(0, size, length)] for length in (200, 256 * 1024)]
    return [
        *((texts, [json.dumps({"k": each}) for each in texts]) for texts in cut),
        (["x"], [json.dumps({"k": text}), '{"k": "%s"}' % ("\\u0061" * (size // 6))]),
    ]


@pytest.mark.parametrize(
    ("rules", "unit"),
    [
        *((ALL, unit) for unit in FULL_OF_SECRETS),
        *(
            (IngestRules(own=(OwnPattern("own", each),)), "".join(random.Random(1).choices("ab", k=9973)))
            for each in SLOW_PATTERNS
        ),
    ],
)
def test_scrubbing_ends_and_stores_nothing_that_was_not_looked_at(rules: IngestRules, unit: str, settings: Any) -> None:
    settings.INGEST_SCRUB_SECONDS, settings.INGEST_MAX_MESSAGE_BYTES = 0.04, 26 * 1024  # a tenth of all of it
    for messages, metas in shapes(unit, 512 * 1024):
        counts: Counter[str] = Counter()
        scrubber, clock = Scrubber(rules), ScrubClock()
        began = time.thread_time()
        results = scrubber.messages(messages, counts, clock), scrubber.metas(metas, counts, clock)
        assert time.thread_time() - began < 0.4 * BUDGET_SECONDS  # that is for the largest request, this is a tenth
        withheld = sum("withheld" in str(text) for texts in results for text in texts)
        assert counts[WITHHELD_RULE] == withheld


def test_patterns_with_too_many_steps_are_refused() -> None:
    for patterns in (("[ab]*a[ab]{250}c",), (r"\pL{1,20}x",), *[("a[0-9]{140}",) * 4]):
        with pytest.raises(PatternError, match="steps"):
            check_steps([OwnPattern(f"n{n}", each) for n, each in enumerate(patterns)])
    check_steps([OwnPattern(f"n{n}", f"cus_{n}[0-9A-Za-z]{{14}}") for n in range(10)])


def test_groups_of_one_name_are_no_problem() -> None:
    rules = IngestRules(own=(OwnPattern("a", "(?<n>x1)"), OwnPattern("b", "(?P<n>y2)")))
    assert Scrubber(rules).messages(["x1 y2"], Counter()) == ["[redacted a] [redacted b]"]


@pytest.mark.parametrize("pattern", ["(", "a*", "", "x" * 301, r"(\d+)\1", "(?=x)y", "((a{100}){100}){100}"])
def test_what_is_not_a_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_rules_of_other_software_are_read_as_far_as_they_go() -> None:
    stored = {
        "built_in": ["email", "nonsense", 3],
        "own": [{"name": "x", "pattern": "("}, 7],
        "keep": [{"level": "debug", "text": "", "one_in": 3}],
    }
    assert IngestRules.read(stored) == IngestRules(("email",))
    assert IngestRules.read("nonsense") == IngestRules()
    rules = IngestRules(("ip",), (OwnPattern("a", "b"),), (KeepRule("debug", "", 10),))
    assert IngestRules.read(json.loads(json.dumps(rules.to_json()))) == rules


def test_a_trace_is_kept_or_dropped_together() -> None:
    traces = [f"trace-{n // 5}" for n in range(500)]
    rows = [("debug", "2026-01-01T00:00:00", "m", None, trace, None) for trace in traces]
    kept = CompiledRules(IngestRules(keep=(KeepRule("debug", "", 5),))).apply(Batch(Columns(*zip(*rows, strict=True))))
    assert {*Counter(kept.columns.trace_id).values()} == {5}
    assert 50 < len(kept) < 150
    assert kept.accepted == 500
