"""Finders of addresses and card numbers find what their patterns say, and are linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address
from itertools import groupby

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from logs.ingest_rules.builtin import BY_NAME
from logs.ingest_rules.clock import ScrubClock
from logs.ingest_rules.finders import Span, is_card_number, spans_of
from tests.support.cpu import BUDGET_SECONDS, cpu_of


def spans(name: str, text: bytes) -> list[Span]:
    return [*BY_NAME[name].find(text, ScrubClock(60))]


def by_pattern(name: str, text: bytes) -> Iterator[re.Match[bytes]]:
    """What the pattern in RE2's syntax, which Python reads as well, matches."""
    return re.finditer(BY_NAME[name].pattern.encode(), text)


@given(st.text("aZ19.@-_ é", max_size=40) | st.lists(st.sampled_from(["a@b.co", ".", "@", "x.de", " "])).map("".join))
def test_email_addresses(text: str) -> None:
    assert spans("email", text.encode()) == [match.span() for match in by_pattern("email", text.encode())]


@pytest.mark.parametrize("size", [63, 64, 65, 200])
def test_the_longest_local_part(size: int) -> None:
    text = b"a" * size + b"@b.example"
    assert spans("email", text) == [match.span() for match in by_pattern("email", text)]


@given(st.binary(max_size=60) | st.lists(st.sampled_from([b"ab", b"abb", b"\0", b"c"])).map(b"".join))
def test_spans_of_re2_are_those_of_its_matches(whole: bytes) -> None:
    pattern = re2.compile(rb"ab+|\x00")
    assert spans_of(pattern, whole, ScrubClock()) == [match.span() for match in pattern.finditer(whole)]


@given(st.text("12 -x4", max_size=50) | st.text("0123456789", max_size=20).map(lambda text: f"4{text} {text}"))
def test_card_numbers(text: str) -> None:
    matches = by_pattern("card", text.encode())
    assert spans("card", text.encode()) == [match.span() for match in matches if is_card_number(match[0])]


@given(
    st.text("0129.25x_ ", max_size=40) | st.lists(st.sampled_from(["1.2.3.4", ".", "255", "256.", " "])).map("".join)
)
def test_addresses_of_version_4(text: str) -> None:
    assert spans("ip", text.encode()) == [match.span() for match in by_pattern("ip", text.encode())]


@given(st.ip_addresses(v=6), st.sampled_from(["", "[", "=", " "]), st.sampled_from(["", "]:443", "%eth0", ": x", "."]))
def test_addresses_of_version_6(address: IPv6Address, before: str, after: str) -> None:
    for text in {str(address), address.exploded, str(address).upper()} - {"::"}:
        if not text.endswith("::"):
            assert spans("ip", f"{before}{text}{after}".encode()) == [(len(before), len(before) + len(text))]
            assert by_any(f"{before}{text}{after}".encode())


def by_any(text: bytes) -> bool:
    return any(by_pattern("ip", text))


@given(st.lists(st.sampled_from([":", "::", "1", "ffff", "1.2.3.4", "g", " "]), max_size=20).map("".join))
def test_what_is_found_is_apart_and_in_order(text: str) -> None:
    found = spans("ip", text.encode())
    places = [place for span in found for place in span]
    assert places == sorted(places)
    assert all(len([*same]) == 1 for _, same in groupby(found))
    assert not found or by_any(text.encode())


@pytest.mark.parametrize(
    "unit", [":", "::", "a:", " a::", "::a:", " 1:2:3:4:5:6:7", "1.", "1.1.1.", "300.1.1.1 ", "a@", "@a.", "@a-", "4 "]
)
@pytest.mark.parametrize("name", ["email", "ip", "card"])
def test_none_takes_long(name: str, unit: str) -> None:
    text = (unit * (2**17 // len(unit))).encode() + b"!"
    _, seconds = cpu_of(spans, name, text)
    assert seconds < 0.1 * BUDGET_SECONDS  # a request has forty times as much, and a clock
