"""Message patterns: what is masked, and what stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.message_patterns import LONGEST, longest_literal, message_pattern


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("payment provider timeout after 2143 ms (order 81342)", "payment provider timeout after <n> ms (order <n>)"),
        ("took 1.25s of 3,000", "took <n>s of <n>"),
        ('key \'user:7\' is missing in "cart \\"7\\""', "key <text> is missing in <text>"),
        ("can't reach the user's cart", "can't reach the user's cart"),
        ("request 1b4e28ba-2fa1-11d2-883f-0016d3cca427 failed", "request <id> failed"),
        ("commit 9c1f0b7e52d8 and 0xDEADBEEF", "commit <id> and <id>"),
        ("deadbeef cafe face", "deadbeef cafe face"),
        ("token pk_live_9f31c0de77aa22 refused", "token <id> refused"),
        ("connect to 10.0.3.17:5432: refused", "connect to <ip>: refused"),
        ("connect to [::1]:5432", "connect to <ip>"),
        ("no user ada@example.com", "no user <email>"),
        ("at 2026-03-17T10:02:11.123Z and 10:02:11", "at <time> and <time>"),
        ("GET /api/users/123/profile 502", "GET /api/users/<n>/profile <n>"),
        ("db1 and db2 disagree", "db<n> and db<n> disagree"),
        ("first   line\n  at frame 7", "first line"),
        ("\n\n  later", "later"),
        ("", ""),
        ("Ошибка заказа 7: «Привет»", "Ошибка заказа <n>: <text>"),
        ('an unclosed "quote 7', 'an unclosed "quote <n>'),
    ],
)
def test_pattern(message: str, pattern: str) -> None:
    assert message_pattern(message) == pattern


@given(st.text(max_size=800))
def test_any_text_has_a_pattern(message: str) -> None:
    assert len(message_pattern(message)) <= LONGEST


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_numbers_do_not_matter(one: int, other: int) -> None:
    assert message_pattern(f"order {one} failed") == message_pattern(f"order {other} failed")


@pytest.mark.parametrize("unit", ['"', "'", "a1", "1.", "a@", "[:", "0x", "\\", "1b4e28ba-"])
def test_no_text_takes_long(unit: str) -> None:
    started = time.process_time()
    message_pattern(unit * 100_000)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [("timeout after <n> ms (order <n>)", "timeout after"), ("<n>", ""), ("plain", "plain")],
)
def test_literal_for_a_search(pattern: str, literal: str) -> None:
    assert longest_literal(pattern) == literal
