"""The column of JSON: documents as shapes, and a typed column for each place of a shape where values stand.

A document's shape is its text with a hole in place of each value behind a name: `{"user": {"id": ○}, "ok": ○}`. Texts,
numbers, true, false, null and lists without lists or objects in them are such values; what else there is stays in the
shape. Shape and values put together are the text that PostgreSQL wrote, to the last digit, so nothing depends on how
values are understood here; that only decides how quickly they are found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from logs.storage.blocks.arrays import Bytes, Ints, Mask, Places, np
from logs.storage.blocks.packing import (
    DamagedBlockError,
    Reader,
    pieces,
    read_ints,
    unpack_section,
)
from logs.storage.blocks.texts import Joined, lower_of

END = b"\n"  # between two values or documents: the text of JSON holds none unescaped
HOLE = b"\1"  # nor this
_OTHER = re.compile(rb"\n[^\"0-9-]")  # a value that is neither a text nor a number
_INT_DIGITS = 18  # that Python reads as int; longer ones are Decimals


@dataclass(frozen=True, slots=True)
class Slot:
    """A hole of a shape by its number, where a parsed shape has it in place of a value."""

    number: int


@dataclass(frozen=True)
class Column:
    """The values of one hole, as texts of JSON. Of its three forms one is there.

    `ints`, or `entries` with the entry of each row in `places`, or the texts of all rows `joined`.
    """

    count: int
    ints: Ints | None = None
    entries: list[bytes] | None = None
    places: Bytes | None = None
    text: bytes = b""

    @cached_property
    def texts(self) -> list[bytes]:
        """The text of each row, of a column of texts."""
        return pieces(self.text, END, self.count)

    def chosen(self, rows: Places) -> Column:
        """Return the column of some of its rows, at least one."""
        if self.ints is not None:
            return Column(len(rows), ints=self.ints[rows])
        if self.entries is not None and self.places is not None:
            return Column(len(rows), entries=self.entries, places=self.places[rows])
        texts = self.texts
        return Column(len(rows), text=END.join([texts[row] for row in rows.tolist()]))

    def values(self) -> list[bytes]:
        """Return the text of each row."""
        if self.ints is not None:
            return [b"%d" % number for number in self.ints.tolist()]
        if self.entries is not None and self.places is not None:
            return [self.entries[place] for place in self.places.tolist()]
        return self.texts

    @cached_property
    def joined(self) -> bytes:
        """The text of each row, or of each entry of a dictionary, with END between them."""
        if self.ints is not None:
            return END.join(self.values())
        return self.text if self.entries is None else END.join(self.entries)

    @cached_property
    def lower(self) -> Joined:
        """The same for texts of ASCII to be found in: in their flat reading."""
        count = self.count if self.entries is None else len(self.entries)
        return Joined(lower_of(self.joined), count, END)

    @cached_property
    def is_scalar(self) -> bool:
        """Whether each is a text or a number as it stands: no list, true, false or null."""
        return self.ints is not None or _OTHER.search(END + self.joined) is None

    @property
    def are_numbers(self) -> Mask:
        """Which rows of a column of texts are numbers."""
        letters = np.frombuffer(END + self.text + END, np.uint8)
        firsts = letters[np.flatnonzero(letters[:-1] == END[0])[: self.count] + 1]
        return (firsts - ord("0") < 10) | (firsts == ord("-"))

    def value(self, place: int) -> bytes:
        """Return the text of one row."""
        if self.ints is not None:
            return b"%d" % int(self.ints[place])
        if self.entries is not None and self.places is not None:
            return self.entries[int(self.places[place])]
        return self.texts[place]

    def mask(self, test: Callable[[bytes], bool]) -> Mask:
        """Return for which rows `test` holds of the text; it is asked once for each different one."""
        if self.entries is not None and self.places is not None:
            return np.array([test(entry) for entry in self.entries], bool)[self.places]
        values = self.values()
        known = {value: test(value) for value in set(values)}
        return np.fromiter((known[value] for value in values), bool, self.count)


class Header(msgspec.Struct, array_like=True):
    """What stands before the columns: the shapes, how many holes each has, and how each hole's column is written."""

    shapes: list[bytes]
    columns: list[list[tuple[str, int]]]  # kind and bytes


class Documents:
    """The JSON of a block; raises DamagedBlockError, also later, when a column is read."""

    def __init__(self, section: bytes, count: int) -> None:
        reader = Reader(unpack_section(section))
        head = reader.take(reader.number())
        try:
            header = msgspec.msgpack.decode(head, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedBlockError("the shapes of a block cannot be read") from error
        self.shapes = header.shapes
        self.shape_of = read_ints(reader, count)
        if len(header.columns) != len(self.shapes):
            raise DamagedBlockError("a block has other columns than shapes")
        if count and not 0 <= int(self.shape_of.min()) <= int(self.shape_of.max()) < len(self.shapes):
            raise DamagedBlockError("a row has a shape that is not there")
        self._kinds = [[kind for kind, _ in columns] for columns in header.columns]
        self._bodies = [[reader.take(size) for _, size in columns] for columns in header.columns]
        reader.finish()
        if any(shape.count(HOLE) != len(kinds) for shape, kinds in zip(self.shapes, self._kinds, strict=True)):
            raise DamagedBlockError("a shape has other columns than holes")
        self._place_of: Ints | None = None  # of each row among those of its shape
        self._rows: dict[int, Places] = {}
        self._columns: dict[tuple[int, int], Column] = {}
        self._texts: dict[int, list[bytes]] = {}

    @cached_property
    def lower(self) -> bytes:
        """All shapes and all values but integers, for texts of ASCII to be found in: in their flat reading."""
        return END.join([lower_of(END.join(self.shapes)), *self._lower_columns.values()])

    @cached_property
    def _lower_columns(self) -> dict[tuple[int, int], bytes]:
        """The same of each column that is not of integers, by shape and slot."""
        texts: dict[tuple[int, int], bytes] = {}
        for shape, (kinds, bodies, count) in enumerate(zip(self._kinds, self._bodies, self.counts, strict=True)):
            for slot, (kind, body) in enumerate(zip(kinds, bodies, strict=True)):
                if kind != "i":  # a dictionary begins with its size and the entry of each row
                    texts[shape, slot] = lower_of(body[4 + count :] if kind == "d" else body)
        return texts

    def columns_with(self, words: Sequence[bytes], *, has_ints: bool) -> Iterator[tuple[int, int]]:
        """Yield shape and slot of the columns that have all of `words`, of ASCII in lower case, and of integers all."""
        searches = [re.compile(re.escape(word)).search for word in words]
        for shape, kinds in enumerate(self._kinds):
            for slot, kind in enumerate(kinds):
                if has_ints if kind == "i" else all(search(self._lower_columns[shape, slot]) for search in searches):
                    yield shape, slot

    @staticmethod
    def is_whole(shape: bytes) -> bool:
        """Return whether the values of a shape are whole documents."""
        return shape == HOLE

    def rows(self, shape: int) -> Places:
        """Return which rows of the block have the shape."""
        if shape not in self._rows:
            self._rows[shape] = np.flatnonzero(self.shape_of == shape)
        return self._rows[shape]

    @cached_property
    def counts(self) -> list[int]:
        """How many rows each shape has."""
        return np.bincount(self.shape_of, minlength=len(self.shapes)).tolist()

    def column(self, shape: int, slot: int) -> Column:
        """Return the column of a shape's hole."""
        found = self._columns.get((shape, slot))
        if found is None:
            found = _read_column(self._kinds[shape][slot], self._bodies[shape][slot], self.counts[shape])
            self._columns[shape, slot] = found
        return found

    def texts_of(self, shape: int) -> list[bytes]:
        """Return the documents of the rows that have the shape."""
        if shape not in self._texts:
            form = self._form(shape)
            columns = [self.column(shape, slot).values() for slot in range(len(self._kinds[shape]))]
            rows = zip(*columns, strict=True) if columns else iter([()] * self.counts[shape])
            self._texts[shape] = [form % row for row in rows]
        return self._texts[shape]

    def _form(self, shape: int) -> bytes:
        """Return a shape as what bytes are formatted with."""
        return self.shapes[shape].replace(b"%", b"%%").replace(HOLE, b"%b")

    def texts(self) -> list[bytes]:
        """Return all documents in the order of the rows; an empty one stands for NULL."""
        if len(self.shapes) == 1:
            return self.texts_of(0)
        places = [iter(self.texts_of(shape)) for shape in range(len(self.shapes))]
        return list(map(next, map(places.__getitem__, self.shape_of.tolist())))

    def text(self, row: int) -> bytes:
        """Return the document of one row."""
        if self._place_of is None:
            self._place_of = np.zeros(len(self.shape_of), np.int64)
            for shape, rows in enumerate(map(self.rows, range(len(self.shapes)))):
                self._place_of[rows] = np.arange(self.counts[shape])
        shape, place = int(self.shape_of[row]), int(self._place_of[row])
        values = tuple(self.column(shape, slot).value(place) for slot in range(len(self._kinds[shape])))
        return self._form(shape) % values


def _read_column(kind: str, body: bytes, count: int) -> Column:
    if kind == "i":
        reader = Reader(body)
        ints = read_ints(reader, count)
        reader.finish()
        return Column(count, ints=ints)
    if kind == "t":
        if body.count(END) != max(count - 1, 0):
            raise DamagedBlockError("a column has another length than its block")
        return Column(count, text=body)
    if kind != "d":
        raise DamagedBlockError("a column is of an unknown kind")
    reader = Reader(body)
    size = reader.number()
    places = np.frombuffer(reader.take(count), np.uint8)
    entries = pieces(body[4 + count :], END, size)
    if count and int(places.max()) >= size:
        raise DamagedBlockError("a dictionary lacks an entry")
    return Column(count, entries=entries, places=places)


def parse_shape(shape: bytes) -> Any:
    """Return a shape as Python has it, a Slot in each hole; None for one of NULL, and for what Python cannot read."""
    if not shape:
        return None
    number = -1

    def slot(_: str) -> Slot:
        nonlocal number
        number += 1
        return Slot(number)

    try:
        return json.loads(shape.replace(HOLE, b"NaN"), parse_constant=slot, parse_int=_integer, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def parse_value(text: bytes) -> Any:
    """Return a value as Python has it: numbers are int or Decimal; None for what Python cannot read."""
    try:
        return json.loads(text, parse_int=_integer, parse_float=Decimal) if text else None
    except (ValueError, RecursionError):
        return None


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _INT_DIGITS else Decimal(digits)
