"""Conditions on the JSON, as SQL/JSON paths that a GIN index on `meta_json` answers (PostgreSQL manual, 8.14.7).

A dotted key reaches into objects, and means a key with dots in its name as well: `user.id` finds {"user": {"id": 1}}
and {"user.id": 1}. The path is lax: `items.sku` also looks into every object of a list, `tags:a` into a list of texts.
"""

from __future__ import annotations

import json

from logs.search.fields import is_literal, names_of
from logs.search.tree import Value


def accessors(key: str) -> list[str]:
    """Return the paths that the dotted `key` may mean: `$."user"."id"` and `$."user.id"`."""
    return ["$" + "".join("." + quoted(name) for name in way) for way in names_of(key)]


def items(key: str) -> list[str]:
    """Return the paths to what stands under the dotted `key`, of lists to each item."""
    return [f"{path}[*]" for path in accessors(key)]


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
