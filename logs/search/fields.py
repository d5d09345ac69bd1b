"""The names that a field may have: columns of the table, and everything else is a path into the JSON."""

from __future__ import annotations

import re
from itertools import product

from logs.models import Level
from logs.search.tree import Value

COLUMNS = {
    "level": "level",
    "service": "service",
    "env": "environment",
    "environment": "environment",
    "trace": "trace_id",
    "trace_id": "trace_id",
    "request": "request_id",
    "request_id": "request_id",
    "message": "message",
}
NEVER_WORDS = frozenset(COLUMNS) - {
    "message"
}  # that mean the field even without a value, so that is said to be missing
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


def level_named(word: str) -> str | None:
    """Return the level that `word` means, or None."""
    word = word.lower()
    word = LEVEL_ALIASES.get(word, word)
    return word if word in LEVELS else None
