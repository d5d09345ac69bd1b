"""The names that a field may have: columns of the table, and everything else is a path into the JSON."""

from __future__ import annotations

import re
from itertools import product

from logs.models import Level
from logs.search.errors import QuerySyntaxError
from logs.search.tree import Compares, Equals, Exists, Field, Value

COLUMNS = {
    "level": "level",
    "service": "service",
    "env": "environment",
    "environment": "environment",
    "trace": "trace_id",
    "trace_id": "trace_id",
    "request": "request_id",
    "request_id": "request_id",
}
JSON_PREFIX = "meta."  # meta.level:x is the JSON key `level`, which would be the column otherwise
LEVELS = tuple(Level.values)  # from least to most severe
CONSTANTS = ("true", "false", "null")
# A number stands bare in a jsonpath, so its digits are those of ASCII: \d would also take those of every other script.
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,3})?\Z")
_ALL_SPLITS = 6  # parts up to which a dotted key is tried with every choice of dots that belong to a name
LEVEL_ALIASES = {"warning": "warn", "err": "error", "information": "info"}


def column_of(key: str) -> str | None:
    """Return the column that `key` names, in any case; None when it names a path into the JSON."""
    return COLUMNS.get(key.lower())


def json_key(key: str) -> str:
    """Return the dotted path into the JSON that `key` names."""
    return key.removeprefix(JSON_PREFIX)


def key_for_json(path: str) -> str:
    """Return the key that names the dotted `path`: the opposite of `json_key`."""
    return JSON_PREFIX + path if column_of(path) or path.startswith(JSON_PREFIX) else path


def names_of(key: str) -> list[list[str]]:
    """Return the names, outermost first, that the dotted `key` may mean: [user, id] and [user.id]."""
    parts = key.split(".")
    if len(parts) > _ALL_SPLITS:
        return [parts, [key]]
    return [_joined(parts, dots) for dots in product((False, True), repeat=len(parts) - 1)]


def _joined(parts: list[str], is_dot_in_name: tuple[bool, ...]) -> list[str]:
    names = [parts[0]]
    for part, inside in zip(parts[1:], is_dot_in_name, strict=True):
        if inside:
            names[-1] += "." + part
        else:
            names.append(part)
    return names


def is_literal(value: Value) -> bool:
    """Return whether `value` may also be a number, true, false or null, beside the text."""
    return not value.quoted and (value.text in CONSTANTS or NUMBER.match(value.text) is not None)


def comparisons_of(field: Field) -> int:
    """Return how many comparisons `field` becomes: each way to read its key, with each literal that a value may be."""
    values = sum(1 + is_literal(value) for value in field.values) if isinstance(field, Equals) else 1
    return values if column_of(field.key) else values * len(names_of(json_key(field.key)))


def level_named(word: str) -> str | None:
    """Return the level that `word` means, or None."""
    word = word.lower()
    word = LEVEL_ALIASES.get(word, word)
    return word if word in LEVELS else None


def check_field(field: Field) -> None:
    """Raise QuerySyntaxError for what a column cannot be: an unknown level, a trace greater than a number."""
    column = column_of(field.key)
    span = field.span
    if column == "level":
        _check_level(field)
    elif column and isinstance(field, Compares):
        raise QuerySyntaxError(
            span.start,
            span.end,
            f"{field.key} has no order, so {field.comparison} means nothing.",
            f"Write {field.key}:value, or meta.{field.key}:{field.comparison}{field.number} for the JSON key.",
        )


def _check_level(field: Field) -> None:
    if isinstance(field, Exists):
        return
    words = [field.number] if isinstance(field, Compares) else [value.text for value in field.values]
    for word in words:
        if level_named(word) is None:
            raise QuerySyntaxError(
                field.span.start,
                field.span.end,
                f"There is no level {word[:40]!r}.",
                f"Levels are {', '.join(LEVELS)}.",
            )
