"""A log's JSON as fields with dotted keys, each with the term that finds it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from logs.search.fields import CONSTANTS, NUMBER, key_for_json, names_of
from logs.search.operators import Equals
from logs.search.scanner import is_plain_value
from logs.search.tree import Value


@dataclass(frozen=True, slots=True)
class FlatField:
    """One value of a log's JSON under its dotted key.

    `term` finds it; None for lists and objects left whole, and for names so full of dots that no key reaches them.
    """

    key: str
    value: object
    term: Equals | None

    @property
    def shown(self) -> str:
        """The value as the page writes it: texts bare, everything else as JSON."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)


def flat_fields(value: object, prefix: tuple[str, ...] = (), depth: int = 8) -> list[FlatField]:
    """Return the values of a JSON object with dotted keys; lists and what lies below `depth` are left whole."""
    if isinstance(value, dict) and value and depth:
        inner = (flat_fields(each, (*prefix, name), depth - 1) for name, each in value.items())
        return [field for fields in inner for field in fields]
    if not prefix:
        return []
    key = ".".join(prefix)
    is_reached = list(prefix) in names_of(key)
    return [FlatField(key, value, term_for(key, value) if is_reached else None)]


def term_for(key: str, value: object) -> Equals | None:
    """Return the term that finds `value` under the dotted `key`; None for lists and objects."""
    if isinstance(value, dict | list):
        return None
    if isinstance(value, str):
        looks_otherwise = value in CONSTANTS or NUMBER.match(value)
        return Equals(key_for_json(key), (Value(value, quoted=bool(looks_otherwise) or not is_plain_value(value)),))
    return Equals(key_for_json(key), (Value(json.dumps(value)),))
