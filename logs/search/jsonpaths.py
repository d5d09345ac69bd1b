"""Conditions on the JSON, as SQL/JSON paths that a GIN index on `meta_json` answers (PostgreSQL manual, 8.14.7).

A dotted key reaches into objects, and means a key with dots in its name as well: `user.id` finds {"user": {"id": 1}}
and {"user.id": 1}. The path is lax: `items.sku` also looks into every object of a list, `tags:a` into a list of texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from logs.search.fields import CONSTANTS, NUMBER, is_literal, key_for_json, names_of
from logs.search.scanner import is_plain_value
from logs.search.tree import Equals, Value

# All names in the JSON, at any depth, as the indexes of parts have them (logs/storage/trigram_index.py).
NAMES = "jsonb_path_query_array(meta_json, 'strict $.** ? (@.type() == \"object\").keyvalue().key')"


def accessors(key: str) -> list[str]:
    """Return the paths that the dotted `key` may mean: `$."user"."id"` and `$."user.id"`."""
    return ["$" + "".join("." + quoted(name) for name in way) for way in names_of(key)]


def names_condition(key: str) -> tuple[str, list[list[str]]]:
    """Return the SQL, with its parameters, that a log meets if the names of the dotted `key` are in its JSON."""
    ways = names_of(key)
    return " OR ".join([f"{NAMES} ?& %s::text[]"] * len(ways)), ways


def literals(value: Value) -> list[str]:
    """Return what `value` may be in JSON: `42` the number or the text, `"42"` only the text."""
    texts = [quoted(value.text)]
    if is_literal(value):
        texts.append(value.text)
    return texts


def quoted(text: str) -> str:
    """Write `text` as a string of the path language, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def equality(key: str, values: tuple[Value, ...]) -> str:
    """Return the predicate «`key` is one of `values`»."""
    tests = [f"{path} == {literal}" for path in accessors(key) for value in values for literal in literals(value)]
    return " || ".join(tests)


def comparison(key: str, sign: str, number: str) -> str:
    """Return the predicate «`key` is a number and `sign` `number`»."""
    return " || ".join(f"{path} {sign} {number}" for path in accessors(key))


def existence(key: str) -> str:
    """Return the predicate «there is a `key`»."""
    return " || ".join(f"exists({path})" for path in accessors(key))


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
