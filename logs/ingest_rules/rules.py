"""A service's ingest rules as they are stored, and as they are entered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import re2

from logs.ingest_rules.builtin import BY_NAME
from logs.models import Level

MOST_PATTERNS, MOST_KEEP_RULES = 10, 10
LONGEST_PATTERN, LONGEST_NAME, LONGEST_TEXT = 300, 40, 100  # characters
MOST_STEPS, MOST_STEPS_TOGETHER = 200, 500  # of the programs that RE2 makes of a pattern, and of all of a service
MEMORY = (1 << 18, 1 << 20)  # bytes that RE2 may take for one pattern, and for one that would not fit otherwise
ONE_IN = (0, 2, 5, 10, 20, 50, 100, 1000)  # 0 drops all


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """What a service calls a secret itself."""

    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class KeepRule:
    """Of the logs of `level` ("" is any) whose message holds `text` ("" is any), one in `one_in` is kept, 0: none."""

    level: str
    text: str
    one_in: int

    @property
    def name(self) -> str:
        """What it does, in a few words; counts stand under it."""
        which = " ".join(
            part for part in (self.level or "any level", f"with “{self.text}”" if self.text else "") if part
        )
        return f"{which}: 1 in {self.one_in} kept" if self.one_in else f"{which}: dropped"


@dataclass(frozen=True, slots=True)
class IngestRules:
    """All rules of one service. The first of `keep` that a log meets decides about it."""

    built_in: tuple[str, ...] = ()
    own: tuple[OwnPattern, ...] = ()
    keep: tuple[KeepRule, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as the column keeps it; {} when there is no rule."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def read(cls, stored: Any) -> IngestRules:
        """Read the column; what does not fit, written by other software, is left out."""
        given = stored if isinstance(stored, Mapping) else {}
        own = [each for each in _mappings(given.get("own")) if _is_pattern(each)]
        keep = [each for each in _mappings(given.get("keep")) if _is_keep_rule(each)]
        names = given.get("built_in")
        return cls(
            tuple(name for name in names if name in BY_NAME) if isinstance(names, list) else (),
            tuple(OwnPattern(each["name"], each["pattern"]) for each in own[:MOST_PATTERNS]),
            tuple(KeepRule(each["level"], each["text"], each["one_in"]) for each in keep[:MOST_KEEP_RULES]),
        )


def compile_pattern(pattern: str) -> Any:
    """Compile one of a service's patterns. Raises PatternError.

    RE2 takes time in proportion to the text and, at worst, to the steps of the pattern's program, some 5 ns for each
    byte and step; it refuses what would take too much memory.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"A pattern has at most {LONGEST_PATTERN} characters.")
    compiled = _compile(pattern, *MEMORY)
    if compiled.search(""):
        raise PatternError("It matches an empty text, and so everywhere.")
    return compiled


def check_steps(patterns: Sequence[OwnPattern]) -> None:
    """Refuse patterns that are too slow on a text made for it, each by itself or together. Raises PatternError.

    Not where stored rules are read: a secret that was scrubbed once is scrubbed still.
    """
    steps = {each.name: compile_pattern(each.pattern).programsize for each in patterns}
    for name, count in steps.items():
        if count > MOST_STEPS:
            raise PatternError(
                f"{name}: RE2 would take {count:,} steps for each byte at worst, and {MOST_STEPS} are the most. "
                "Repeat less ({1,20} for {1,200}), or use plain classes as [A-Za-z] for \\pL."
            )
    if sum(steps.values()) > MOST_STEPS_TOGETHER:
        raise PatternError(
            f"Together they take {sum(steps.values()):,} steps at worst, and {MOST_STEPS_TOGETHER} are the most."
        )


def _compile(pattern: str, *memory: int) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors = memory[0], False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        if memory[1:]:
            return _compile(pattern, *memory[1:])
        raise PatternError(f"RE2 cannot read it: {_words(error)}.") from error


def _words(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return text.rstrip(".")


def _mappings(values: Any) -> list[Mapping[str, Any]]:
    return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def _is_pattern(given: Mapping[str, Any]) -> bool:
    if not all(isinstance(given.get(name), str) and given[name] for name in ("name", "pattern")):
        return False
    try:
        compile_pattern(given["pattern"])
    except PatternError:
        return False
    return True


def _is_keep_rule(given: Mapping[str, Any]) -> bool:
    return (
        given.get("level") in ("", *Level.values)
        and isinstance(given.get("text"), str)
        and given.get("one_in") in ONE_IN
        and bool(given["level"] or given["text"])
    )
