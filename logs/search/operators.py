"""The kinds of terms about a field: how each is written, shown, checked and found. A new operator is a class here.

What stands in a class is all there is to know of its kind: the parser makes it, and everybody else asks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from logs.search import jsonpaths
from logs.search.conditions import Condition, Reach, any_of, one_of
from logs.search.errors import QuerySyntaxError
from logs.search.fields import CONSTANTS, LEVELS, NUMBER, column_of, is_literal, json_key, level_named, names_of
from logs.search.scanner import is_plain_value, quoted
from logs.search.text import Needle, flat, holds, in_message, in_values
from logs.search.tree import COMPARISONS, Field, Span, Value

if TYPE_CHECKING:
    from logs.search.compiler import Compiler
    from logs.search.sealed.matcher import Matcher
    from logs.search.sealed.pruner import Pruner
    from logs.storage.blocks.codec import Mask

ORDER: dict[str, Any] = {
    "==": lambda a, b: a == b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


class Tested(Field):
    """What all kinds have in common: a column is asked for in its own way, everything else is a path into the JSON."""

    __slots__ = ()

    def condition(self, compiler: Compiler) -> Condition:
        """Return the condition on `logs` that the term means."""
        column = column_of(self.key)
        if column == "level":
            levels = self.levels()
            return Condition("TRUE") if len(levels) == len(LEVELS) else one_of("level", levels, "text")
        if column in ("service", "environment"):
            words = self.scope_words(compiler.names(column))
            return Condition("TRUE") if words is None else compiler.scope(column, words)
        if column:
            return self.in_column(column, is_plain=compiler.is_plain)
        return self.in_json(json_key(self.key), is_plain=compiler.is_plain)

    def mask(self, matcher: Matcher) -> Mask:
        """Return which logs of a block the term means: the same as `condition` of rows."""
        column = column_of(self.key)
        if column == "level":
            return matcher.levels(self.levels())
        if column in ("service", "environment"):
            words = self.scope_words(matcher.names(column))
            return matcher.all() if words is None else matcher.scope(column, words)
        if column == "message":
            return matcher.messages(self)
        return matcher.ids(column, self.holds_id) if column else matcher.json(json_key(self.key), self)

    def prune(self, pruner: Pruner) -> Condition:
        """Return a condition on `log_blocks` that every block meets which has such a log; empty where none is known."""
        column = column_of(self.key)
        if column == "level":
            return pruner.levels(self.levels())
        values = self.choices
        if column in ("service", "environment"):
            words = self.scope_words(pruner.names(column))
            return Condition() if words is None else pruner.scope(column, words)
        if column == "message":
            return pruner.any_text(self.message_parts)
        if column:
            return Condition() if values is None else pruner.ids([value.text for value in values])
        return pruner.json(json_key(self.key), self)

    @property
    def section(self) -> str:
        """The section of a block that says whether it holds; "" where none has to be read."""
        column = column_of(self.key)
        return {
            "level": "narrow",
            "trace_id": "trace",
            "request_id": "request",
            "message": "message",
            None: "meta",
        }.get(column, "")

    @property
    def asks_value(self) -> bool:
        """Whether it depends on the value in the JSON, and not only on there being one."""
        return True

    @property
    def numbers(self) -> tuple[tuple[str, Decimal], ...]:
        """The comparisons with numbers of which one must hold of a number, as (sign, number)."""
        return ()

    @property
    def part_of_value(self) -> str:
        """A text that each fitting value of the JSON has in it, numbers read as texts; "" where none is known."""
        return ""

    @property
    def is_part_enough(self) -> bool:
        """Whether each value of the JSON that holds `part_of_value` is meant."""
        return False

    def holds_message(self, message: str) -> bool:
        """Return whether it holds of a message."""
        return True

    def holds_id(self, value: str | None) -> bool:
        """Return whether it holds of a trace or request id."""
        return value is not None

    def holds_json(self, value: Any) -> bool:
        """Return whether it holds of one value of the JSON, whose numbers are int or Decimal; not one of a list."""
        return True

    def renamed(self, key: str) -> Field:
        """Return the same about the field `key`."""
        return replace(self, key=key)  # type: ignore[type-var]  # every kind is a dataclass

    def check(self) -> None:
        """Raise QuerySyntaxError for a level that there is not."""
        if column_of(self.key) != "level":
            return
        for word in self.level_words:
            if level_named(word) is None:
                message = f"There is no level {word[:40]!r}."
                raise QuerySyntaxError(self.span.start, self.span.end, message, f"Levels are {', '.join(LEVELS)}.")

    @property
    def comparisons(self) -> int:
        """How many comparisons it becomes: each way to read its key, with each literal that a value may be."""
        return self.literals if column_of(self.key) else self.literals * len(names_of(json_key(self.key)))

    @property
    def literals(self) -> int:
        """How many literals one way to read its key is compared with."""
        return 1

    @property
    def level_words(self) -> list[str]:
        """The words that must be levels if the field is the level."""
        return []

    def in_column(self, column: str, *, is_plain: bool) -> Condition:
        """Return the condition on a column of text: the message, trace or request."""
        return Condition(f"{column} IS NOT NULL", (), Reach.SCAN)

    def in_json(self, key: str, *, is_plain: bool) -> Condition:
        """Return the condition on the dotted path `key` of the JSON; `is_plain`: written so that no index is asked."""
        raise NotImplementedError


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

    def in_column(self, column: str, *, is_plain: bool) -> Condition:
        """Return that the column has one of the values, which its index finds; or the message holds one of them."""
        if column == "message":
            return any_of([in_message(value.text, is_plain=is_plain) for value in self.values])
        condition = one_of(column, [value.text for value in self.values], "text")
        return Condition(condition.sql, condition.params, Reach.LOOKUP)

    def in_json(self, key: str, *, is_plain: bool) -> Condition:
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

    def in_json(self, key: str, *, is_plain: bool) -> Condition:
        """Return that a number stands there to which this applies; only looking at rows tells."""
        path = jsonpaths.comparison(key, self.comparison, self.number)
        return Condition("meta_json @@ %s::jsonpath", (path,), Reach.SCAN)


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

    def in_json(self, key: str, *, is_plain: bool) -> Condition:
        """Return that something stands there, which the index of the JSON's names finds."""
        path = jsonpaths.existence(key)
        if is_plain:
            return Condition("meta_json @@ %s::jsonpath", (path,), Reach.SCAN)
        sql, names = jsonpaths.names_condition(key)
        return Condition(f"meta_json @@ %s::jsonpath AND ({sql})", (path, *names), Reach.TRIGRAM)


@dataclass(frozen=True, slots=True)
class Contains(Tested):
    """The field holds `part`, by the rule of words (logs/search/text.py)."""

    key: str
    part: str
    span: Span = field(default=Span(), compare=False)

    @property
    def tested(self) -> str:
        """A tilde and the part."""
        return "~" + _part(self.part)

    @property
    def words(self) -> str:
        """In words."""
        return f"contains {self.part}"

    @property
    def message_parts(self) -> tuple[str, ...]:
        """It, if the field is the message."""
        return (self.part,) if column_of(self.key) == "message" else ()

    @property
    def part_of_value(self) -> str:
        """It."""
        return self.part

    @property
    def is_part_enough(self) -> bool:
        """It is."""
        return True

    def holds_message(self, message: str) -> bool:
        """Return whether it does of a message."""
        return holds(message, self.part)

    def holds_id(self, value: str | None) -> bool:
        """Return whether it does of a trace or request id."""
        return value is not None and self._holds(value)

    def holds_json(self, value: Any) -> bool:
        """Return whether it does of a text or number."""
        text = text_of(value)
        return text is not None and self._holds(text)

    def _holds(self, text: str) -> bool:
        return holds(text, self.part, has_colours=False)

    def levels(self) -> list[str]:
        """Return the levels whose name holds it."""
        return [level for level in LEVELS if holds(level, self.part)]

    def scope_words(self, names: Sequence[str]) -> list[str] | None:
        """Return those of `names` that hold it."""
        return [name for name in names if holds(name, self.part)]

    def in_column(self, column: str, *, is_plain: bool) -> Condition:
        """Return that the column holds it; only looking at rows tells that of ids."""
        return in_message(self.part, is_plain=is_plain) if column == "message" else Needle(self.part).held_by(column)

    def in_json(self, key: str, *, is_plain: bool) -> Condition:
        """Return that a text or number there holds it."""
        return in_values(self.part, jsonpaths.items(key), is_plain=is_plain)


@dataclass(frozen=True, slots=True)
class StartsWith(Tested):
    """The field begins with `prefix`, in any case."""

    key: str
    prefix: str
    span: Span = field(default=Span(), compare=False)

    @property
    def tested(self) -> str:
        """The prefix and a star."""
        reads_otherwise = self.prefix.startswith(COMPARISONS)
        return (quoted(self.prefix) if reads_otherwise else _part(self.prefix)) + "*"

    @property
    def words(self) -> str:
        """In words."""
        return f"starts with {self.prefix}"

    @property
    def message_parts(self) -> tuple[str, ...]:
        """It, if the field is the message."""
        return (self.prefix,) if column_of(self.key) == "message" else ()

    @property
    def part_of_value(self) -> str:
        """It."""
        return self.prefix

    def holds_message(self, message: str) -> bool:
        """Return whether it does of a message."""
        return flat(message).startswith(flat(self.prefix))

    def holds_id(self, value: str | None) -> bool:
        """Return whether it does of a trace or request id."""
        return value is not None and self._holds(value)

    def holds_json(self, value: Any) -> bool:
        """Return whether it does of a text or number."""
        text = text_of(value)
        return text is not None and self._holds(text)

    def _holds(self, text: str) -> bool:
        return flat(text).startswith(flat(self.prefix))

    def levels(self) -> list[str]:
        """Return the levels whose name begins so."""
        return [level for level in LEVELS if flat(level).startswith(flat(self.prefix))]

    def scope_words(self, names: Sequence[str]) -> list[str] | None:
        """Return those of `names` that begin so."""
        return [name for name in names if flat(name).startswith(flat(self.prefix))]

    def in_column(self, column: str, *, is_plain: bool) -> Condition:
        """Return that the column begins so; only looking at rows tells that of ids."""
        if column == "message":
            return in_message(self.prefix, is_plain=is_plain, is_start=True)
        return Needle(self.prefix).starts(column)

    def in_json(self, key: str, *, is_plain: bool) -> Condition:
        """Return that a text or number there begins so."""
        return in_values(self.prefix, jsonpaths.items(key), is_plain=is_plain, is_start=True)


def _part(text: str) -> str:
    return text if is_plain_value(text) else quoted(text)


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
