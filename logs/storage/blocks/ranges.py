"""What a block's JSON has: every dotted path, and of its numbers the least and the greatest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import inf, isfinite, nextafter
from typing import Any, TypeAlias

from logs.storage.blocks.documents import Column, Documents, Slot, parse_shape, parse_value
from logs.storage.blocks.fields import floats_of, may_have_numbers

_MOST_PATHS = 400  # of a block; of more of them nothing is noted
_LONGEST = 200  # characters of a path
_DIGITS = (*(b"%d" % digit for digit in range(10)), b"-")
Ranges: TypeAlias = dict[str, list[float | None] | None]


def ranges_of(documents: Documents) -> Ranges | None:
    """Return {path: [least, greatest]}, null where no number stands there; None where the JSON has too many paths.

    A bound is null where it is beyond what a float can say.
    """
    ranges: Ranges = {}
    for shape, text in enumerate(documents.shapes):
        if documents.is_whole(text):
            return None
        for path, value in _walk(parse_shape(text), ""):
            if len(path) > _LONGEST or len(ranges) > _MOST_PATHS:
                return None
            numbers = _of_column(documents.column(shape, value.number)) if isinstance(value, Slot) else _numbers(value)
            ranges[path] = _wider(ranges.get(path), numbers)
    return ranges


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every path with what stands there; what stands in lists has the path of the list."""
    if isinstance(value, dict):
        for name, each in value.items():
            inner = f"{path}.{name}" if path else name
            yield inner, None
            yield from _walk(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(each, path)
    elif path:
        yield path, value


def _of_column(column: Column) -> Sequence[float]:
    """Return numbers between whose least and greatest all of the column lie."""
    if column.ints is not None:
        return _bounds([int(column.ints.min()), int(column.ints.max())]) if column.count else ()
    if not may_have_numbers(column.joined):
        return ()
    texts = set(column.entries if column.entries is not None else column.texts)
    lists = [number for text in texts if text[:1] == b"[" for number in _numbers(parse_value(text))]
    numbers = floats_of([text for text in texts if text[:1] in _DIGITS])
    return [*lists, *(_bounds([numbers.min(), numbers.max()]) if len(numbers) else ())]


def _numbers(value: Any) -> Sequence[float]:
    values = value if isinstance(value, list) else [value]
    return _bounds([each for each in values if isinstance(each, int | Decimal) and not isinstance(each, bool)])


def _bounds(numbers: Sequence[Any]) -> Sequence[float]:
    """Return for each number two floats around it: it may be more exact than those."""
    near = [_float(number) for number in numbers]
    return [bound for number in near for bound in (nextafter(number, -inf), nextafter(number, inf))]


def _wider(known: list[float | None] | None, numbers: Sequence[float]) -> list[float | None] | None:
    if not numbers:
        return known
    least, most = min(numbers), max(numbers)
    if known is not None:
        least, most = min(least, _or(known[0], -inf)), max(most, _or(known[1], inf))
    return [least if isfinite(least) else None, most if isfinite(most) else None]


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf
