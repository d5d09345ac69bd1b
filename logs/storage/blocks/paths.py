"""What stands under a dotted key in a document, by all readings of the key (`names_of`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from logs.search.fields import names_of
from logs.storage.blocks.documents import parse_shape

_KNOWN_BYTES = 4_000  # of a shape that is remembered with what stands in it: a tenant may send larger ones


def values_at(shape: bytes, key: str) -> tuple[Any, ...]:
    """Return what stands under the dotted `key` in a shape, by all readings of it."""
    return _known_values(shape, key) if len(shape) + len(key) <= _KNOWN_BYTES else _values(shape, key)


def _values(shape: bytes, key: str) -> tuple[Any, ...]:
    return tuple(values_in(parse_shape(shape), key))


_known_values = lru_cache(maxsize=2048)(_values)


def values_in(document: Any, key: str) -> Iterator[Any]:
    """Yield what stands under the dotted `key` in a document, by all readings of it."""
    return (each for names in names_of(key) for each in _at(document, names))


def _at(value: Any, names: Sequence[str]) -> list[Any]:
    """Follow a lax path (PostgreSQL manual, 9.16.2): each step also looks into the objects of a list."""
    values = [value]
    for name in names:
        inside = [each for value in values for each in unwrapped(value)]
        values = [each[name] for each in inside if isinstance(each, dict) and name in each]
    return values


def unwrapped(value: Any) -> Sequence[Any]:
    """Return the items of a list, or the value itself."""
    return value if isinstance(value, list) else (value,)
