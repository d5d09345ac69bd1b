"""When a log holds a text: one rule, in Python, and by looking at rows."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from logs.search.text import fold, holds, in_values, spellings_of_id, texts_condition

DATABASE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LOG = """SELECT {} FROM (
    SELECT %s::text AS message, %s::jsonb AS meta_json, %s::text AS trace_id, %s::text AS request_id) logs"""
NFD = unicodedata.normalize("NFD", "un café crème")


def told(
    needles: list[str], message: str, meta: Any = None, trace: str | None = None, request: str | None = None
) -> bool:
    """Return what looking at the row says of `needles`."""
    values = [message, None if meta is None else json.dumps(meta), trace, request]
    return _told(texts_condition(needles), values)


def _told(condition: Any, values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOG.format(condition.sql), [*condition.params, *values])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("message", "needle", "is_held"),
    [
        ("charge Failed", "FAILED", True),
        ("\x1b[31mERROR\x1b[0m red text", "ERROR red text", True),
        ("\x1b[31mERROR\x1b[0m red text", "\x1b[31mERROR", True),
        ("\x1b[1;38:5:9mER\x1b[0mROR", "error", True),
        ("one\r\n  two\tthree", "one two three", True),
        ("one\r\n  two\tthree", "one\n  two", True),
        ("one\r\n  two\tthree", "onetwo", False),
        ("one  two", "one two", True),
        ("one two", "one  two", True),
        ("οδυσσευς", "ΟΔΥΣΣΕΥΣ", True),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", True),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ", True),
        ("Straße 5", "STRASSE", True),
        ("STRASSE 5", "straße", True),
        ("GROẞ", "groß", True),
        ("groß", "gros", True),
        (NFD, "café crème", True),
        ("un café crème", unicodedata.normalize("NFD", "CAFÉ"), True),
        ("İstanbul", "istanbul", True),
        ("한국어 로그", unicodedata.normalize("NFD", "한국어"), True),
        (unicodedata.normalize("NFD", "한국어 로그"), "한국어", True),
        ("cafe", "café", False),
        ("ﬁle", "file", False),
        ("50%", "50_", False),
        ("a\\b", "a\\b", True),
        ("日本語のログ", "本語", True),
        ("x", " ", False),
        ("a b", " ", True),
    ],
)
def test_a_message_holds(message: str, needle: str, *, is_held: bool) -> None:
    assert holds(message, needle) is is_held
    assert told([needle], message) is is_held


META = {
    "order_id": "ord_81342", "stack": 'File "checkout/payments.py"\n  at C:\\new', "n": 1500, "ratio": 0.25, "ok": True,
    "gone": None, "tags": ["Blau", {"name": "Straße"}], "key_only": {}, "colour": "\x1b[31mred",
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("needle", "is_held"),
    [
        ("ORD_81342", True),
        ("checkout/payments.py", True),
        ('"checkout/payments.py" at', True),
        ("C:\\new", True),
        ("C:\\ new", False),
        ("1500", True),
        ("0.25", True),
        ("blau", True),
        ("STRASSE", True),
        ("\x1b[31mred", True),
        ("order_id", False),  # names of fields are no values
        ("key_only", False),
        ("true", False),
        ("null", False),
        ("Blau, Straße", False),  # nothing holds what two values make together
        (", ", False),
        ("nat", False),  # nor does an escape of JSON make letters of its own
        ("u001b", False),
    ],
)
def test_a_value_of_the_json_holds(needle: str, *, is_held: bool) -> None:
    assert told([needle], "message", META) is is_held


@pytest.mark.django_db
def test_words_may_be_held_by_different_parts() -> None:
    assert told(["charge", "ord_81342"], "charge failed", META)
    assert not told(["charge", "ord_9"], "charge failed", META)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "pasted",
    [
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "4BF92F3577B34DA6A3CE929D0E0E4736",
        "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_an_id_is_found_however_it_is_spelt(pasted: str) -> None:
    for kept in ("4bf92f3577b34da6a3ce929d0e0e4736", "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"):
        assert told([pasted], "message", None, kept)
        assert told([pasted, "mess"], "message", None, None, kept)
    assert not told([pasted], "message", None, "another")


def test_ids_are_whole() -> None:
    assert "req-7" in spellings_of_id("req-7")
    assert spellings_of_id("two words") == []
    assert spellings_of_id("x" * 500) == []


PIECES = st.sampled_from(
    ["charge", "Straße", "STRASSE", "ss", "s", "ß", "ΟΔΥΣΣΕΥΣ", "ς", "é", "e\u0301", "\u0301", "\x1b[31m", "\x1b[0m",
     "\x1b", " ", "  ", "\n", "\r\n", "\t", '"', "\\", "\\n", "%", "_", ", ", "[", "ab", "한",
     "\u1112\u1161", "日本", "İ", "i", "K", "0", "12"]
)  # fmt: skip
TEXT = st.lists(PIECES, min_size=1, max_size=6).map("".join)


@pytest.mark.django_db
@DATABASE
@given(message=TEXT, value=TEXT, needle=TEXT)
@example(message="x", value="cafe\u0301s", needle="caf\u00e9s")
@example(message="charge", value="x", needle="charge\x1b[31m")
def test_python_and_rows_agree(message: str, value: str, needle: str) -> None:
    is_held = holds(message, needle) or holds(value, needle, has_colours=False)
    assert told([needle], message, {"a": [value, 7]}) is (is_held or needle == "7")


@pytest.mark.django_db
@DATABASE
@given(data=st.data(), text=TEXT)
def test_any_part_is_held(data: st.DataObject, text: str) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    assume("\x1b" not in text[max(0, start - 5) : start])  # half of a colour's code is not what anyone copies
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    assert told([part], text)
    assert told([part], "message", {"a": {"b": text}})


@pytest.mark.django_db
def test_a_field_holds_or_begins_with() -> None:
    def said(needle: str, path: str, *, is_start: bool = False) -> bool:
        return _told(in_values(needle, [path], is_start=is_start), ["", json.dumps(META), None, None])

    assert said("payments", '$."stack"')
    assert not said("payments", '$."order_id"')
    assert said("ORD_", '$."order_id"', is_start=True)
    assert not said("81342", '$."order_id"', is_start=True)
    assert said("bl", '$."tags"[*]', is_start=True)
    assert said("15", '$."n"', is_start=True)


def test_white_space_is_one_space() -> None:
    assert fold(" A\n\tB ") == " a b "
