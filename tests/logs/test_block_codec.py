"""Blocks of logs, without a database: what goes in comes out to the bit, and damage has an error of its own."""

from __future__ import annotations

import json
import random
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logs.search.text import flat
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import Rows, Sections, encode, readings, unescaped
from logs.storage.blocks.documents import END, Documents, parse_value
from logs.storage.blocks.json_packing import pack_documents
from logs.storage.blocks.packing import DamagedBlockError, TooLargeError, pack_section, unpack_section
from logs.storage.blocks.ranges import ranges_of
from logs.storage.blocks.signatures import (
    GRAM,
    LONG_GRAM,
    id_hashes,
    id_signature,
    length_hashes,
    long_hashes,
    text_signatures,
    word_hashes,
)
from logs.storage.blocks.texts import Joined, lower_of

MICROSECONDS = st.integers(-(2**61), 2**61)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)
IDS = st.none() | st.just("") | TEXT | st.integers(0, 2**128 - 1).map("{:032x}".format)
NUMBERS = st.sampled_from([
    "0", "-1", "7", "1.50", "-0.0", "12345678901234567890", "9007199254740993", "1" + "0" * 400, "0.1", "9" * 18,
]) | st.integers().map(str)  # fmt: skip
NAMES = st.sampled_from(["a", "user.id", "", 'q"uote', "back\\", "k8s", "a: 1", '": ', "ü", "\n"]) | TEXT


def printed(value: Any) -> str:
    """Write JSON as PostgreSQL does, numbers as they are given."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{printed(name)}: {printed(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(printed, value)) + "]"
    if isinstance(value, tuple):
        return value[0]
    return json.dumps(value, ensure_ascii=False)


SCALARS = NUMBERS.map(lambda number: (number,)) | TEXT | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
METAS = st.none() | (st.dictionaries(NAMES, VALUES, max_size=5) | VALUES).map(printed)
LOGS = st.tuples(MICROSECONDS, MICROSECONDS, st.integers(-(2**63), 2**63 - 1), st.integers(0, 3), TEXT, METAS, IDS, IDS)


def rows_of(logs: list[tuple[Any, ...]]) -> Rows:
    ts, received, ids, levels, messages, metas, traces, requests = map(list, zip(*logs, strict=True))
    numbers = (np.array(column, np.int64) for column in (ts, received, ids))
    return Rows(*numbers, np.array(levels, np.uint8), messages, metas, traces, requests)


def block_of(sections: Sections, count: int) -> Block:
    return Block(count, {name: getattr(sections, name) for name in ("narrow", "message", "meta", "trace", "request")})


def columns(rows: Rows) -> list[list[Any]]:
    return [
        [rows.ts.tolist(), rows.received.tolist(), rows.ids.tolist(), rows.levels.tolist()],
        list(rows.messages), list(rows.metas), list(rows.traces), list(rows.requests),
    ]  # fmt: skip


@settings(max_examples=150)
@given(st.lists(LOGS, min_size=1, max_size=30))
def test_every_value_comes_back(logs: list[tuple[Any, ...]]) -> None:
    rows = rows_of(sorted(logs, key=lambda log: (log[0], log[2])))
    block = block_of(encode(rows), len(rows))
    assert columns(block.rows()) == columns(rows)
    assert [block.documents.text(row).decode() or None for row in range(len(rows))] == list(rows.metas)


@settings(max_examples=60)
@given(st.lists(LOGS, min_size=1, max_size=8), st.lists(LOGS, min_size=1, max_size=8))
def test_blocks_can_be_put_together_and_cut(some: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> None:
    def key(log: tuple[Any, ...]) -> tuple[int, int]:
        return log[0], log[2]

    one, other = rows_of(sorted(some, key=key)), rows_of(sorted(others, key=key))
    both = one.merged(other)
    assert sorted(map(repr, zip(*columns(both)[1:], both.ids.tolist(), strict=True))) == sorted(
        map(repr, [*zip(*columns(one)[1:], one.ids.tolist(), strict=True),
                   *zip(*columns(other)[1:], other.ids.tolist(), strict=True)])
    )  # fmt: skip
    assert list(zip(both.ts.tolist(), both.ids.tolist(), strict=True)) == sorted(
        zip(both.ts.tolist(), both.ids.tolist(), strict=True)
    )
    half = both.chosen(np.arange(len(both) // 2, len(both)))
    assert columns(block_of(encode(half), len(half)).rows()) == columns(half)


@given(st.lists((st.dictionaries(NAMES, VALUES, max_size=4)).map(printed) | st.just(""), min_size=1, max_size=20))
def test_values_of_a_shape_stand_where_they_were(documents: list[str]) -> None:
    packed = Documents(pack_documents(documents).section, len(documents))
    assert [text.decode() for text in packed.texts()] == documents
    for shape in range(len(packed.shapes)):
        for slot in range(packed.shapes[shape].count(b"\1")):
            assert all(
                parse_value(value) is not None or value == b"null" for value in packed.column(shape, slot).values()
            )


PLAIN = st.dictionaries(st.sampled_from(["a", "bc", "user.id", "k8s  x"]), SCALARS | st.lists(SCALARS, max_size=3))


@given(st.lists(PLAIN.map(printed), max_size=9) | st.lists(METAS.filter(bool), max_size=9))
def test_what_is_signed_of_documents_has_all_that_stands_in_a_row_in_them(documents: list[str]) -> None:
    grams = pack_documents(documents).grams
    signed = END.join(readings(grams, unescaped(grams)))
    for document in documents:
        for reading in readings(document, unescaped(document)):
            rows = {reading[at : at + size] for size in (GRAM, LONG_GRAM) for at in range(len(reading) - size + 1)}
            assert [row for row in rows if row not in signed] == []


@given(st.lists(TEXT, min_size=1, max_size=20), st.lists(IDS, max_size=20))
def test_a_signature_has_every_part_of_its_text(texts: list[str], ids: list[str | None]) -> None:
    def has(signature: bytes, hashes: tuple[int, ...] | list[int]) -> bool:
        places = [hash_ * len(signature) * 8 >> 32 for hash_ in hashes]
        return all(signature[place // 8] >> place % 8 & 1 for place in places)

    first, second, words = text_signatures([text.encode() for text in texts])
    for text in texts:
        for word in (text.encode(), text.encode()[3:12]):
            for hashes in word_hashes(word, 8):
                assert has(first, hashes[:2])
                assert has(second, hashes[2:])
            assert has(words, long_hashes(word, 99))
    known = id_signature(ids)
    assert all(has(known, id_hashes(each) + length_hashes(each)) for each in ids if each is not None)


def test_letters_that_become_ascii_are_known() -> None:
    letters = [chr(code) for code in range(0x80, 0x11_0000) if not 0xD800 <= code < 0xE000]
    read = flat("\n".join(letters)).split("\n")
    changed = {letter for letter, each in zip(letters, read, strict=True) if re.search(r"[\x00-\x7f]", each)}
    assert {letter: lower_of(letter.encode()) for letter in changed} == {
        "\u00df": b"ss", "\u0130": b"i", "\u1e9e": b"ss", "\u212a": b"k",
    }  # fmt: skip


@given(
    st.lists(TEXT | st.text("abAB K\u0130\u00df"), min_size=1, max_size=30),
    st.text("abs kn", max_size=3) | st.text("ab", max_size=9),
)
def test_all_texts_are_looked_through_at_once(texts: list[str], word: str) -> None:
    texts = [text * (1 + place % 3) for place, text in enumerate(texts)]
    joined = Joined(lower_of("\0".join(texts).encode()), len(texts))
    assert joined.holding(word.encode()).tolist() == [word in flat(text) for text in texts]
    plain = Joined("\0".join(texts).encode(), len(texts))
    assert [plain.at(row).decode() for row in range(len(texts))] == texts


def test_numpy_is_loaded_by_no_module_that_is_imported_at_the_start() -> None:
    source = Path(__file__).parents[2]
    loading = [
        path
        for path in (source / "logs").rglob("*.py")
        if re.search(r"^(import|from) numpy", path.read_text(), re.MULTILINE)
    ]
    assert loading == []


def test_a_block_without_ids_and_json_is_small() -> None:
    rows = rows_of([(at, at, at, 1, f"GET /orders/{at}", None, None, None) for at in range(4_000)])
    sections = encode(rows)
    assert sum(len(getattr(sections, name)) for name in ("narrow", "message", "meta", "trace", "request")) < 4_000 * 4


@pytest.fixture(scope="module")
def damaged() -> tuple[Rows, Sections]:
    logs = [
        (at * 1_000, at * 1_000 + at % 3, at, at % 4, f"line {at}", printed({"n": (str(at),), "t": f"x{at % 3}"}),
         f"{at:032x}", None if at % 2 else "r")
        for at in range(40)
    ]  # fmt: skip
    rows = rows_of(logs)
    return rows, encode(rows)


@pytest.mark.parametrize("section", ["narrow", "message", "meta", "trace", "request"])
def test_each_flipped_bit_and_each_cut_is_noticed(damaged: tuple[Rows, Sections], section: str) -> None:
    rows, sections = damaged
    whole = getattr(sections, section)
    broken = [
        bytes([*whole[:at], whole[at] ^ bit, *whole[at + 1 :]]) for at in range(len(whole)) for bit in (1, 128, 255)
    ]
    broken += [whole[:at] for at in range(len(whole))] + [whole + b"\0", whole + whole]
    good = {name: getattr(sections, name) for name in ("narrow", "message", "meta", "trace", "request")}
    unharmed = columns(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for each in broken:
        try:
            assert columns(Block(len(rows), {**good, section: each}).rows()) == unharmed  # a bit that means nothing
        except DamagedBlockError:
            continue
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_what_is_wrong_within_a_whole_section_is_noticed(damaged: tuple[Rows, Sections]) -> None:
    """A section that somebody else packed: its checksum is right, and what it holds is not."""
    rows, sections = damaged
    good = {name: getattr(sections, name) for name in ("narrow", "message", "meta", "trace", "request")}
    chance = random.Random(1)
    unharmed = columns(rows)
    for section, packed in good.items():
        raw = unpack_section(packed)
        for _ in range(300):
            at = chance.randrange(len(raw))
            other = pack_section(bytes([*raw[:at], chance.randrange(256), *raw[at + 1 :]]))
            try:
                found = columns(Block(len(rows), {**good, section: other}).rows())
            except DamagedBlockError:
                continue
            assert len(found[1]) == len(unharmed[1])


@pytest.mark.parametrize("count", [0, -1, 39, 41, 4_001, 2**31])
def test_another_count_than_its_own_is_noticed(damaged: tuple[Rows, Sections], count: int) -> None:
    with pytest.raises(DamagedBlockError):
        block_of(damaged[1], count).rows()


def test_documents_with_little_in_common_stay_whole() -> None:
    documents = [json.dumps({f"k{row}-{number}": number for number in range(100)}) for row in range(50)] + ["", "[1]"]
    packed = Documents(pack_documents(documents).section, len(documents))
    assert packed.shapes == [b"\1"]
    assert [text.decode() for text in packed.texts()] == documents
    assert ranges_of(packed) is None


def test_a_section_beyond_the_limit_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logs.storage.blocks.packing.MAX_SECTION", 100)
    with pytest.raises(TooLargeError):
        pack_section(b"x" * 101)
