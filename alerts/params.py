"""The parameters of a rule: one typed model for each type, read from `params_json` as strictly as it is fair.

Other software wrote `windowMinutes` and numbers as text, or left them out; those are read too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from alerts.filters import check_filter
from logs.models import Level

LEVELS = ("", *Level.values)  # "" is any level
MINUTES_MAX = 1440
THRESHOLD_MAX = 1_000_000


class ParamsError(ValueError):
    """Parameters that make no rule; `problems` says what is wrong with which."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, text in problems.items()))
        self.problems = dict(problems)


def param(default: Any, read: Callable[[Any], Any], *, legacy_name: str = "") -> Any:
    """Describe one parameter: its default, what reads it (or raises ValueError), and its name in older software."""
    return field(default=default, metadata={"read": read, "legacy_name": legacy_name})


def whole(least: int, most: int) -> Callable[[Any], int]:
    """Return what reads a whole number, also one written as text."""

    def read(value: Any) -> int:
        try:
            number = None if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = None
        if number is None or number != number or number in {float("inf"), float("-inf")} or number != int(number):
            raise ValueError(f"{str(value)[:40]!r} is not a whole number.")
        if not least <= number <= most:
            raise ValueError(f"It must be from {least} to {most:,}.")
        return int(number)

    return read


def level(value: Any) -> str:
    """Read a level, "" for any."""
    name = str(value).lower()
    if name not in LEVELS:
        raise ValueError(f"There is no level {name[:40]!r}.")
    return name


def query(value: Any) -> str:
    """Read a filter."""
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        raise ValueError("The filter must be text of at most 1,000 characters.")
    check_filter(value)
    return value.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What rules of every type have.

    The condition must hold for `for_minutes` before the rule fires, and be clear for `recovery_minutes` before it ends.
    """

    for_minutes: int = param(0, whole(0, MINUTES_MAX), legacy_name="forMinutes")
    recovery_minutes: int = param(0, whole(0, MINUTES_MAX), legacy_name="recoveryMinutes")

    @classmethod
    def read(cls, given: Any) -> Self:
        """Read the column; what is missing has its default. Raises ParamsError."""
        if not isinstance(given, dict):
            raise ParamsError({"params": "The parameters must be an object."})
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for each in fields(cls):
            value = given.get(each.name)
            if value is None:
                value = given.get(each.metadata["legacy_name"])
            if value is None:
                continue
            try:
                values[each.name] = each.metadata["read"](value)
            except ValueError as error:
                problems[each.name] = str(error)
        if problems:
            raise ParamsError(problems)
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return it as the column keeps it."""
        return asdict(self)
