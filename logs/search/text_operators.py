"""Terms about parts of a field's text: it contains something, or begins with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from logs.search import jsonpaths
from logs.search.conditions import Condition
from logs.search.fields import LEVELS, column_of
from logs.search.operators import text_of
from logs.search.scanner import is_plain_value, quoted
from logs.search.tested import Tested
from logs.search.text import Needle, flat, holds, in_message, in_values
from logs.search.tree import COMPARISONS, Span


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

    def in_column(self, column: str) -> Condition:
        """Return that the column holds it; only looking at rows tells that of ids."""
        return in_message(self.part) if column == "message" else Needle(self.part).held_by(column)

    def in_json(self, key: str) -> Condition:
        """Return that a text or number there holds it."""
        return in_values(self.part, jsonpaths.items(key))


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

    def in_column(self, column: str) -> Condition:
        """Return that the column begins so; only looking at rows tells that of ids."""
        if column == "message":
            return in_message(self.prefix, is_start=True)
        return Needle(self.prefix).starts(column)

    def in_json(self, key: str) -> Condition:
        """Return that a text or number there begins so."""
        return in_values(self.prefix, jsonpaths.items(key), is_start=True)


def _part(text: str) -> str:
    return text if is_plain_value(text) else quoted(text)
