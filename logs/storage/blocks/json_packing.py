"""Writing the column of JSON: see documents.py, which reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from logs.storage.blocks.arrays import np
from logs.storage.blocks.documents import END, HOLE, Header
from logs.storage.blocks.packing import pack_ints, pack_number, pack_section
from logs.storage.blocks.signatures import LONG_GRAM

# What stands behind `"name": `. Within a text a quote has a backslash before it, so this begins nowhere else. Lists
# that hold lists or objects, and objects, are no values. Nothing is tried twice: the quantifiers are possessive. It
# begins with a text that is always the same, which is found much more quickly than what is looked back at.
_NAMED = b'": '
_VALUE = re.compile(
    rb'": (?<=[^\\]": )("(?:[^"\\]++|\\.)*+"|\[(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+\]|[^"\[{},\]\n]++)'
)
_INT = rb"(?:0|-?[1-9][0-9]{0,17})"
_INTS = re.compile(rb"(?:%b\n)*+%b\Z" % (_INT, _INT))
_MOST_ENTRIES = 256  # of a dictionary
_COLUMNS = 500  # that a block may have, and one more for every two logs: each costs some µs to write and to read
_AROUND = LONG_GRAM - 1  # bytes beside a value that a gram may have together with it


class PackedDocuments(NamedTuple):
    """The section, and a text for signatures.

    Whatever LONG_GRAM bytes stand in a row in a document do so in `grams`, which has shapes and different values once.
    """

    section: bytes
    grams: str


class _Column(NamedTuple):
    kind: str
    body: bytes
    values: Iterable[bytes]  # the different ones


def pack_documents(documents: Sequence[str]) -> PackedDocuments:
    """Write documents as PostgreSQL prints jsonb; an empty text stands for NULL. Raises TooLargeError."""
    text = "\n".join(documents)
    parts = _VALUE.split(text.encode())
    values = np.array(parts[1::2], dtype=object)
    rows = (_NAMED + HOLE).join(parts[0::2]).split(END)
    numbers = _numbered(rows)
    shapes = np.array([*map(numbers.__getitem__, rows)], np.int64)
    holes = np.array([shape.count(HOLE) for shape in numbers], np.int64)
    if holes.sum() > _COLUMNS + len(rows) // 2:
        return _pack_whole(documents)
    first = np.cumsum(holes[shapes]) - holes[shapes]  # each row's first value among all
    columns: list[list[_Column]] = []
    for number, count in enumerate(holes.tolist()):
        mine = first[shapes == number]
        columns.append([_pack_column(values[mine + hole].tolist()) for hole in range(count)])
    section = _section(list(numbers), columns, pack_ints(shapes))
    grams = _grams(list(numbers), columns)
    return PackedDocuments(section, text if grams is None else grams)


def _pack_whole(documents: Sequence[str]) -> PackedDocuments:
    """Write documents that have too little in common for columns: as one shape that is a hole, for all of each."""
    column = _pack_column([document.encode() for document in documents])
    section = _section([HOLE], [[column]], pack_ints(np.zeros(len(documents), np.int64)))
    return PackedDocuments(section, "\n".join(documents))


def _section(shapes: list[bytes], columns: list[list[_Column]], numbers: bytes) -> bytes:
    header = Header(shapes, [[(column.kind, len(column.body)) for column in some] for some in columns])
    head = msgspec.msgpack.encode(header)
    bodies = [column.body for some in columns for column in some]
    return pack_section(b"".join([pack_number(len(head)), head, numbers, *bodies]))


def _pack_column(values: list[bytes]) -> _Column:
    joined, entries = END.join(values), _numbered(values)
    if _INTS.match(joined):
        return _Column("i", pack_ints(np.array([*map(int, values)], np.int64)), entries)
    if len(entries) > _MOST_ENTRIES or len(entries) * 4 > len(values) + 3:
        return _Column("t", joined, entries)
    places = bytes(map(entries.__getitem__, values))
    return _Column("d", pack_number(len(entries)) + places + END.join(entries), entries)


def _numbered(values: Sequence[bytes]) -> dict[bytes, int]:
    """Return the different values with their numbers, in the order in which they come."""
    return {value: number for number, value in enumerate(dict.fromkeys(values))}


def _grams(shapes: Sequence[bytes], columns: Sequence[Sequence[_Column]]) -> str | None:
    """Return shapes and values, these with what stands beside them in the shape; None where that may be too little.

    It is where readings (logs/search/text.py) change a shape, so that more of it comes near to a value.
    """
    joined = END.join(shapes)
    if not joined.isascii() or b"\\" in joined or b"  " in joined:
        return None
    texts = [joined]
    for shape, some in zip(shapes, columns, strict=True):
        between = shape.split(HOLE)
        if any(len(each) < _AROUND for each in between[1:-1]):
            return None
        texts += _with_neighbours(between, some)
    return END.join(texts).decode()


def _with_neighbours(between: list[bytes], columns: Sequence[_Column]) -> Iterator[bytes]:
    for before, after, column in zip(between, between[1:], columns, strict=False):
        before, after = before[-_AROUND:], after[:_AROUND]
        yield before + (after + END + before).join(column.values) + after
