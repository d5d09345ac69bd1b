"""What all terms about a field have in common, and how they compare."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from logs.search.conditions import Condition, Reach, one_of
from logs.search.errors import QuerySyntaxError
from logs.search.fields import LEVELS, column_of, json_key, level_named, names_of
from logs.search.tree import Field

if TYPE_CHECKING:
    from logs.search.compiler import Compiler
    from logs.search.sealed.matcher import Matcher
    from logs.search.sealed.pruner import Pruner
    from logs.storage.blocks.arrays import Mask

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
            return self.in_column(column)
        return self.in_json(json_key(self.key))

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

    def in_column(self, column: str) -> Condition:
        """Return the condition on a column of text: the message, trace or request."""
        return Condition(f"{column} IS NOT NULL", (), Reach.SCAN)

    @abstractmethod
    def in_json(self, key: str) -> Condition:
        """Return the condition on the dotted path `key` of the JSON."""
