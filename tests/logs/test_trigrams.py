"""Which threes of letters of a text the index is asked for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.search.trigrams import MOST_WITH_DIGITS, rare_pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("GET", []),
        ("a b c", []),
        ("users", []),
        ("products", ["pro", "duc"]),
        ("payment captured for order 7054196", ["705419"]),
        ("345479", []),
        ("job ca58f1c8", ["job", "58f1c8"]),
        ("aiko.weber1491", ["iko", "r1491"]),
        ("mira.quick", ["mir", "qui"]),
        ("order für ブルーランプ", ["für", "ブルー", "ランプ"]),
    ],
)
def test_the_rarest_are_chosen(text: str, pieces: list[str]) -> None:
    assert rare_pieces(text) == pieces


@given(st.text(alphabet=st.sampled_from("abyz019 .-_ÄßブルΑ"), max_size=40))
def test_a_log_with_the_text_has_its_pieces(text: str) -> None:
    pieces = rare_pieces(text)
    assert re.search(".*".join(map(re.escape, pieces)), text, re.DOTALL)
    assert all(len(piece) >= 3 for piece in pieces)
    assert len(pieces) <= MOST_WITH_DIGITS
    assert all(piece.isalnum() for piece in pieces)
