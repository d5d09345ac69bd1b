"""The kinds of terms about a field: how each is written, shown, checked and found. A new operator is a class here.

What stands in a class is all there is to know of its kind: the parser makes it, and everybody else asks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from logs.search import jsonpaths
from logs.search.conditions import Condition, Reach, any_of, one_of
from logs.search.errors import QuerySyntaxError
from logs.search.fields import CONSTANTS, LEVELS, NUMBER, column_of, is_literal, level_named
from logs.search.scanner import is_plain_value, quoted
from logs.search.tested import ORDER, Tested
from logs.search.text import holds, in_message
from logs.search.tree import COMPARISONS, Span, Value

# As `@@`, for which planners may take the index of the JSON, that has no answer and is read as a whole.
_MATCHES = "jsonb_path_match(meta_json, %s::jsonpath, silent => true)"


@dataclass(frozen=True, slots=True)
class Equals(Tested):
    """The field has one of the values."""

    key: str
    values: tuple[Value, ...]
    span: Span = field(default=Span(), compare=False)

    @property
    def choices(self) -> tuple[Value, ...]:
        """The values."""
        return self.values

    @property
    def tested(self) -> str:
        """The values with commas between them."""
        first, *others = self.values
        reads_otherwise = first.text.startswith(COMPARISONS) or (not others and first.text == "*")
        return ",".join([quoted(first.text) if reads_otherwise else _written(first), *map(_written, others)])

    @property
    def words(self) -> str:
        """The values as alternatives."""
        return " or ".join(value.text or "(empty)" for value in self.values)

    @property
    def literals(self) -> int:
        """Each value as text, and those that may be a number, true, false or null as that, too."""
        return sum(1 + is_literal(value) for value in self.values)

    @property
    def level_words(self) -> list[str]:
        """All values."""
        return [value.text for value in self.values]

    @property
    def message_parts(self) -> tuple[str, ...]:
        """The values, if the field is the message."""
        return tuple(value.text for value in self.values) if column_of(self.key) == "message" else ()

    def levels(self) -> list[str]:
        """Return the levels named."""
        named = {level_named(value.text) for value in self.values}
        return [name for name in LEVELS if name in named]

    @property
    def numbers(self) -> tuple[tuple[str, Decimal], ...]:
        """Each value that may be a number."""
        return tuple(("==", number) for number in _meaning(self.values).numbers)

    def holds_message(self, message: str) -> bool:
        """Return whether the message holds one of the values."""
        return any(holds(message, value.text) for value in self.values)

    def holds_id(self, value: str | None) -> bool:
        """Return whether the id is one of the values."""
        return value in _meaning(self.values).texts

    def holds_json(self, value: Any) -> bool:
        """Return whether the value is one of those: `42` the number or the text, `"42"` only the text."""
        meaning = _meaning(self.values)
        if isinstance(value, str):
            return value in meaning.texts
        if value is None or isinstance(value, bool):
            return value in meaning.constants
        return isinstance(value, int | Decimal) and value in meaning.numbers

    def in_column(self, column: str) -> Condition:
        """Return that the column has one of the values, which its index finds; or the message holds one of them."""
        if column == "message":
            return any_of([in_message(value.text) for value in self.values])
        condition = one_of(column, [value.text for value in self.values], "text")
        return Condition(condition.sql, condition.params, Reach.LOOKUP)

    def in_json(self, key: str) -> Condition:
        """Return that the JSON has one of the values there, which the index of the JSON finds."""
        return Condition("meta_json @@ %s::jsonpath", (jsonpaths.equality(key, self.values),), Reach.LOOKUP)


@dataclass(frozen=True, slots=True)
class Compares(Tested):
    """The field is a number and stands to `number` as the comparison says."""

    key: str
    comparison: str
    number: str
    span: Span = field(default=Span(), compare=False)

    @property
    def tested(self) -> str:
        """The comparison and the number."""
        return self.comparison + self.number

    @property
    def words(self) -> str:
        """The same with a space."""
        return f"{self.comparison} {self.number}"

    @property
    def level_words(self) -> list[str]:
        """What it is compared with."""
        return [self.number]

    def check(self) -> None:
        """Raise QuerySyntaxError also for a column that has no order: a trace greater than a number."""
        column = column_of(self.key)
        if column and column != "level":
            message = f"{self.key} has no order, so {self.comparison} means nothing."
            hint = f"Write {self.key}:value, or meta.{self.key}:{self.tested} for the JSON key."
            raise QuerySyntaxError(self.span.start, self.span.end, message, hint)
        Tested.check(self)

    def levels(self) -> list[str]:
        """Return the levels on that side of the one named."""
        bound = LEVELS.index(level_named(self.number) or LEVELS[0])
        return [name for place, name in enumerate(LEVELS) if ORDER[self.comparison](place, bound)]

    @property
    def numbers(self) -> tuple[tuple[str, Decimal], ...]:
        """The comparison."""
        return ((self.comparison, Decimal(self.number)),) if NUMBER.match(self.number) else ()

    def holds_json(self, value: Any) -> bool:
        """Return whether the value is a number to which the comparison applies."""
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return is_number and any(ORDER[sign](value, number) for sign, number in self.numbers)

    def in_json(self, key: str) -> Condition:
        """Return that a number stands there to which this applies; only looking at rows tells."""
        return Condition(_MATCHES, (jsonpaths.comparison(key, self.comparison, self.number),), Reach.SCAN)


@dataclass(frozen=True, slots=True)
class Exists(Tested):
    """The field is there, whatever its value."""

    key: str
    span: Span = field(default=Span(), compare=False)

    @property
    def tested(self) -> str:
        """A star."""
        return "*"

    @property
    def words(self) -> str:
        """In words."""
        return "any value"

    @property
    def asks_value(self) -> bool:
        """It does not."""
        return False

    def levels(self) -> list[str]:
        """Return every level: each log has one."""
        return list(LEVELS)

    def in_json(self, key: str) -> Condition:
        """Return that something stands there; only looking at rows tells."""
        return Condition(_MATCHES, (jsonpaths.existence(key),), Reach.SCAN)


def text_of(value: Any) -> str | None:
    """Return a text, or a number of the JSON as PostgreSQL writes it, which is int or Decimal; None for all else."""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return f"{value:f}" if isinstance(value, Decimal) else str(value) if is_number else None


class _Meaning(NamedTuple):
    """What the values of a term may be."""

    texts: frozenset[str]
    constants: frozenset[bool | None]
    numbers: frozenset[Decimal]


@lru_cache(maxsize=256)
def _meaning(values: tuple[Value, ...]) -> _Meaning:
    literals = [value.text for value in values if is_literal(value)]
    return _Meaning(
        frozenset(value.text for value in values),
        frozenset({"true": True, "false": False, "null": None}[text] for text in literals if text in CONSTANTS),
        frozenset(Decimal(text) for text in literals if text not in CONSTANTS),
    )


def _written(value: Value) -> str:
    return value.text if not value.quoted and is_plain_value(value.text) else quoted(value.text)
