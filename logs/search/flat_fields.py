"""A log's JSON as fields with dotted keys, each with the term that finds it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from logs.search.fields import CONSTANTS, NUMBER, key_for_json, names_of
from logs.search.operators import Equals
from logs.search.scanner import is_plain_value
from logs.search.tree import Value

VALUE_SHOWN = 1_000  # characters of a value
_LONGEST_KEY, _LONGEST_VALUE = 200, 300  # characters that a link asks for
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class FlatField:
    """One value of a log's JSON under its names, one below the other, and the dotted key that they make."""

    names: tuple[str, ...]
    key: str
    value: object

    @property
    def term(self) -> Equals | None:
        """The term that finds it; None for lists and objects left whole, for names so full of dots that no key reaches
        them, and for keys and texts so long that no one looks for them so."""
        is_short = len(self.key) <= _LONGEST_KEY and not (
            isinstance(self.value, str) and len(self.value) > _LONGEST_VALUE
        )
        is_reached = is_short and list(self.names) in names_of(self.key)
        return term_for(self.key, self.value) if is_reached else None

    @property
    def shown(self) -> str:
        """The value as the page writes it, its beginning at least: texts bare, everything else as JSON."""
        return beginning_of(self.value)


def beginning_of(value: object, length: int = VALUE_SHOWN, indent: int | None = None) -> str:
    """Return a value as pages write it: texts bare, everything else as JSON; of more than `length` the beginning."""
    if isinstance(value, str):
        return _cut(value, length)
    if type(value) is int:
        return str(value)  # sooner than by json
    if not isinstance(value, dict | list):
        return json.dumps(value)
    written, size = [], 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(
        value
    ):  # which writes no more of it than is asked for
        written.append(piece)
        size += len(piece)
        if size > length:
            break
    return _cut("".join(written), length)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def flat_fields(meta: object, most: int) -> list[FlatField]:
    """Return the first `most` values of a log's JSON with dotted keys; lists and what lies deep are left whole."""
    return [FlatField(names, ".".join(names), value) for names, value in flat_values(meta, most)]


def flat_values(meta: object, most: int) -> Iterator[tuple[tuple[str, ...], object]]:
    """Give the same as names and value alone, for counting in many rows."""
    return islice(_values(meta), most)


def texts_of(value: object) -> Iterator[str]:
    """Yield the texts and numbers that `value` is or has in it, as a search for words reads them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)
    elif isinstance(value, list | dict):
        for each in value if isinstance(value, list) else value.values():
            yield from texts_of(each)


def count_fields(meta: object) -> int:
    """Return how many values `flat_fields` could give."""
    return sum(1 for _ in _values(meta))


def _values(meta: object, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if not isinstance(meta, dict):
        return
    for name, value in meta.items():
        if isinstance(value, dict) and value and len(names) + 1 < _DEPTH:
            yield from _values(value, (*names, name))
        else:
            yield (*names, name), value


def term_for(key: str, value: object) -> Equals | None:
    """Return the term that finds `value` under the dotted `key`; None for lists and objects."""
    if isinstance(value, dict | list):
        return None
    if isinstance(value, str):
        looks_otherwise = value in CONSTANTS or NUMBER.match(value)
        return Equals(key_for_json(key), (Value(value, quoted=bool(looks_otherwise) or not is_plain_value(value)),))
    return Equals(key_for_json(key), (Value(json.dumps(value)),))


def term_for_value(key: str, text: str) -> Equals:
    """Return the term that finds what has a value under the dotted `key` that reads so: the text, or the number."""
    return Equals(key_for_json(key), (Value(text, quoted=not is_plain_value(text)),))
