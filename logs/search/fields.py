"""The names that a field may have: columns of the table, and everything else is a path into the JSON."""

from __future__ import annotations

from logs.models import Level
from logs.search.errors import QuerySyntaxError
from logs.search.tree import Compares, Exists, Field

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
