"""What stands under a dotted key in the JSON of a block, column by column: its values as texts, and its numbers.

A log may have several of them: those of a list, and of all readings of the key (`names_of`). Lists in lists and
objects are no values. Numbers are what JSON calls so: a text of digits is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from logs.storage.blocks.arrays import Floats, Ints, Mask, Objects, np, places_of
from logs.storage.blocks.documents import END, Column, Documents, Slot, parse_value
from logs.storage.blocks.packing import DamagedBlockError
from logs.storage.blocks.paths import values_at, values_in

LONGEST_VALUE = 200  # characters of a value that tell it from others
_DIGITS = frozenset(b"-0123456789")
_LONGEST_NUMBER = 60  # characters of numbers that are read together: each takes as much room as the longest
_SMALL, _MOST_PLACES = 2.0**50, 9  # up to which a float times a power of ten is a number of so many places exactly


@dataclass(frozen=True, slots=True)
class FieldValues:
    """The different values of logs: log `rows[i]` has `texts[codes[i]]`. None has the same one twice."""

    rows: Ints
    codes: Ints
    texts: list[str]


@dataclass(frozen=True, slots=True)
class FieldNumbers:
    """The numbers of logs: log `rows[i]` has the one of which the nearest float is `floats[i]`.

    Exactly it is `scaled[i]` · 10^-`places`, or where that would be too long, and `scaled` is None, `exact[i]`.
    """

    rows: Ints
    floats: Floats
    scaled: Ints | None
    places: int
    exact: Objects | None

    def chosen(self, wanted: Any) -> FieldNumbers:
        """Return those that an array of flags or places picks."""
        scaled = None if self.scaled is None else self.scaled[wanted]
        exact = None if self.exact is None else self.exact[wanted]
        return FieldNumbers(self.rows[wanted], self.floats[wanted], scaled, self.places, exact)

    def decimals(self) -> Objects:
        """Return them exactly."""
        if self.exact is not None:
            return self.exact
        assert self.scaled is not None
        found = np.empty(len(self.scaled), object)
        found[:] = [Decimal(number).scaleb(-self.places) for number in self.scaled.tolist()]
        return found


def field_values(documents: Documents, key: str, wanted: Mask | None = None) -> FieldValues:
    """Return the values under a dotted key, of the rows that are wanted if not of all. Raises DamagedBlockError."""
    known: dict[str, int] = {}
    pieces: list[tuple[Ints, Ints]] = []
    for rows, column in _columns(documents, key, wanted):
        raws, codes = _coded(column)
        mine = [[known.setdefault(each, len(known)) for each in _texts_of(raw)] for raw in raws]
        pieces.append(_spread(rows, codes, mine))
    rows, codes = (np.concatenate(each) for each in zip(*pieces, strict=True)) if pieces else (_no_ints(), _no_ints())
    if pieces and np.bincount(rows, minlength=1).max() > 1:
        rows, codes = np.divmod(np.unique(rows * len(known) + codes), len(known))
    return FieldValues(rows, codes, list(known))


def few_values(documents: Documents, key: str, most: int) -> FieldValues | None:
    """Return the values under a dotted key, or None where there are more than `most`. Raises DamagedBlockError."""
    if any(_is_varied(column, most) for _, column in _columns(documents, key)):
        return None
    values = field_values(documents, key)
    return values if len(values.texts) <= most else None


def _is_varied(column: Column, most: int) -> bool:
    """Return whether a column has more than `most` different values; the first rows tell that of most."""
    if column.ints is not None:
        return len(set(column.ints[: 4 * most].tolist())) > most or len(places_of(column.ints)[0]) > most
    texts = column.entries if column.entries is not None else column.texts
    return len(set(texts[: 4 * most])) > most or len(set(texts)) > most


def _coded(column: Column) -> tuple[list[bytes], Ints]:
    """Return the different values of a column, and which of them each row has."""
    if column.ints is not None:
        numbers, codes = places_of(column.ints)
        return [b"%d" % number for number in numbers.tolist()], codes
    if column.entries is not None and column.places is not None:
        return column.entries, column.places.astype(np.int64)
    known: dict[bytes, int] = {}
    codes = np.fromiter((known.setdefault(text, len(known)) for text in column.texts), np.int64, column.count)
    return list(known), codes


def _texts_of(raw: bytes) -> list[str]:
    """Return the values that a value of JSON is or has, as texts."""
    if raw[:1] == b'"' and b"\\" not in raw:
        return [raw[1:-1].decode()[:LONGEST_VALUE]]
    if raw[:1] == b"[":
        return [_text_of(each) for each in parse_value(raw) or () if not isinstance(each, list | dict)]
    if raw[0] in _DIGITS:
        return [text_of_number(raw.decode())[:LONGEST_VALUE]]
    return [_text_of(parse_value(raw))]


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    return text_of_number(_written(value).decode())[:LONGEST_VALUE]


def _spread(rows: Ints, codes: Ints, several: list[list[int]]) -> tuple[Ints, Ints]:
    """Return (rows, numbers) where each row has all the numbers that its code stands for."""
    counts = np.array([len(some) for some in several], np.int64)
    if (counts == 1).all():
        return rows, np.array([some[0] for some in several], np.int64)[codes]
    of_code = [np.array(some, np.int64) for some in several]
    found = [of_code[code] for code in codes.tolist()]
    return np.repeat(rows, counts[codes]), np.concatenate(found) if found else _no_ints()


def field_numbers(documents: Documents, key: str, wanted: Mask | None = None) -> FieldNumbers:
    """Return the numbers under a dotted key, of the rows that are wanted if not of all. Raises DamagedBlockError."""
    pieces = [_numbers(rows, column) for rows, column in _columns(documents, key, wanted)]
    pieces = [piece for piece in pieces if len(piece.rows)]
    if not pieces:
        return FieldNumbers(_no_ints(), np.zeros(0), _no_ints(), 0, None)
    if len(pieces) == 1:
        return pieces[0]
    rows, floats = np.concatenate([each.rows for each in pieces]), np.concatenate([each.floats for each in pieces])
    places = max(each.places for each in pieces)
    scaled = [_rescaled(each, places) for each in pieces]
    if all(each is not None for each in scaled):
        return FieldNumbers(rows, floats, np.concatenate(scaled), places, None)  # type: ignore[arg-type]
    return FieldNumbers(rows, floats, None, 0, np.concatenate([each.decimals() for each in pieces]))


def _rescaled(numbers: FieldNumbers, places: int) -> Ints | None:
    """Return the numbers times ten to the power of `places`; None where that is too long."""
    factor = 10 ** (places - numbers.places)
    if numbers.scaled is None or int(np.abs(numbers.scaled).max()) * factor >= 2**62:
        return None
    return numbers.scaled * factor


def _numbers(rows: Ints, column: Column) -> FieldNumbers:
    if column.ints is not None:
        return FieldNumbers(rows, column.ints.astype(np.float64), column.ints, 0, None)
    if column.entries is None and column.is_scalar and b'"' not in column.text:
        return _read(rows, column.texts)
    if not may_have_numbers(column.joined):
        return FieldNumbers(_no_ints(), np.zeros(0), _no_ints(), 0, None)
    raws, codes = _coded(column)
    texts: list[bytes] = []
    several: list[list[int]] = []
    for raw in raws:
        mine = _numbers_of(raw)
        several.append(list(range(len(texts), len(texts) + len(mine))))
        texts += mine
    all_rows, numbers = _spread(rows, codes, several)
    read = _read(np.arange(len(texts)), texts).chosen(numbers)
    return replace(read, rows=all_rows)


def may_have_numbers(joined: bytes) -> bool:
    """Return whether one of the values begins as a number does, or a list."""
    letters = np.frombuffer(END + joined, np.uint8)
    firsts = letters[np.flatnonzero(letters[:-1] == END[0]) + 1]
    return bool(((firsts - ord("0") < 10) | (firsts == ord("-")) | (firsts == ord("["))).any())


def _numbers_of(raw: bytes) -> list[bytes]:
    if raw[:1] != b"[":
        return [raw] if raw[0] in _DIGITS else []
    items = parse_value(raw) or ()
    return [_written(each) for each in items if isinstance(each, int | Decimal) and not isinstance(each, bool)]


def _read(rows: Ints, texts: Sequence[bytes]) -> FieldNumbers:
    """Read numbers as PostgreSQL prints them, which has no exponents."""
    floats, places = floats_of(texts), _places_of(texts)
    if places <= _MOST_PLACES and (not len(texts) or float(np.abs(floats).max()) * 10**places < _SMALL):
        return FieldNumbers(rows, floats, np.rint(floats * 10.0**places).astype(np.int64), places, None)
    exact = np.empty(len(texts), object)
    exact[:] = [Decimal(text.decode()) for text in texts]
    return FieldNumbers(rows, floats, None, 0, exact)


def floats_of(texts: Sequence[bytes]) -> Floats:
    """Return the float that is nearest to each number, infinite where there is none. Raises DamagedBlockError."""
    try:
        if max(map(len, texts), default=0) > _LONGEST_NUMBER:
            return np.fromiter(map(float, texts), np.float64, len(texts))
        return np.array(texts, dtype="S").astype(np.float64) if len(texts) else np.zeros(0)
    except ValueError as error:
        raise DamagedBlockError("a number cannot be read") from error


def _places_of(texts: Sequence[bytes]) -> int:
    """Return how many digits the numbers have behind the point at most."""
    joined = b"\n".join(texts)
    letters = np.frombuffer(joined, np.uint8)
    points = np.flatnonzero(letters == ord("."))
    if not len(points):
        return 0
    ends = np.append(np.flatnonzero(letters == ord("\n")), len(joined))
    return int((ends[np.searchsorted(ends, points)] - points).max()) - 1


def text_of_number(text: str) -> str:
    """Return a number as PostgreSQL's trim_scale() prints it, given as jsonb prints it."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _no_ints() -> Ints:
    return np.zeros(0, np.int64)


def _columns(documents: Documents, key: str, wanted: Mask | None = None) -> Iterator[tuple[Ints, Column]]:
    """Yield what stands under the key as columns, each with the rows that have it, of those that are wanted."""
    for shape, text in enumerate(documents.shapes):
        rows = documents.rows(shape)
        is_wanted = None if wanted is None else wanted[rows]
        if is_wanted is not None and not is_wanted.any():
            continue
        for places, column in _of_shape(documents, shape, text, key):
            if is_wanted is None or is_wanted.all():
                yield rows[places], column
            else:
                kept = np.flatnonzero(is_wanted[places])
                yield rows[places][kept], column.chosen(kept)


def _of_shape(documents: Documents, shape: int, text: bytes, key: str) -> Iterator[tuple[Any, Column]]:
    """Yield what stands under the key in rows of a shape, each with the places of these rows among all of the shape."""
    if documents.is_whole(text):
        yield from _of_whole(documents.column(shape, 0), key)
        return
    for value in values_at(text, key):
        if isinstance(value, Slot):
            yield slice(None), documents.column(shape, value.number)
        elif not isinstance(value, dict):
            count = documents.counts[shape]
            yield slice(None), Column(count, entries=[_written(value)], places=np.zeros(count, np.uint8))


def _of_whole(column: Column, key: str) -> Iterator[tuple[Any, Column]]:
    found = [
        (place, _written(value))
        for place, document in enumerate(column.values())
        for value in values_in(parse_value(document), key)
        if not isinstance(value, dict)
    ]
    if found:
        places, texts = zip(*found, strict=True)
        yield np.array(places, np.int64), Column(len(found), text=END.join(texts))


def _written(value: Any) -> bytes:
    """Write what was read of JSON as jsonb prints it; of a list what no list or object in it is."""
    if isinstance(value, list):
        return b"[%b]" % b", ".join(_written(each) for each in value if not isinstance(each, list | dict))
    if isinstance(value, Decimal):
        return f"{value:f}".encode()
    return json.dumps(value, ensure_ascii=False).encode()
