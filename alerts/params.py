"""The parameters of a rule: one typed model for each type, read from `params_json` as strictly as it is fair.

Other software wrote `windowMinutes` and numbers as text, or left them out; those are read too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from alerts.filters import check_filter
from alerts.models import AlertRule
from logs.models import Level

LEVELS = ("", *Level.values)  # "" is any level
MINUTES_MAX = 1440
THRESHOLD_MAX = 1_000_000
_OLD_NAMES = {"window_minutes": "windowMinutes", "for_minutes": "forMinutes", "recovery_minutes": "recoveryMinutes"}


class ParamsError(ValueError):
    """Parameters that make no rule; `problems` says what is wrong with which."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {text}" for name, text in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class ErrorCountParams:
    """At least `threshold` logs of `level` that match `query`, received within `window_minutes`.

    The condition must hold for `for_minutes` before the rule fires, and be clear for `recovery_minutes` before it ends.
    """

    threshold: int = 10
    window_minutes: int = 5
    level: str = Level.ERROR
    query: str = ""
    for_minutes: int = 0
    recovery_minutes: int = 5

    def to_json(self) -> dict[str, Any]:
        """Return it as the column keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DeploymentFailureParams:
    """The last deployment that ended has failed; `for_minutes` and `recovery_minutes` as in ErrorCountParams."""

    for_minutes: int = 0
    recovery_minutes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as the column keeps it."""
        return asdict(self)


Params = ErrorCountParams | DeploymentFailureParams
_MODELS: Mapping[str, type[ErrorCountParams] | type[DeploymentFailureParams]] = {
    AlertRule.Type.ERROR_COUNT: ErrorCountParams,
    AlertRule.Type.DEPLOYMENT_FAILURE: DeploymentFailureParams,
}


def read_params(kind: str, given: Any) -> Params:
    """Read the parameters of a rule of type `kind`; what is missing has its default. Raises ParamsError."""
    model = _MODELS.get(kind)
    if model is None:
        raise ParamsError({"type": f"There is no type {kind!r}."})
    if not isinstance(given, dict):
        raise ParamsError({"params": "The parameters must be an object."})
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in (each.name for each in fields(model)):
        value = given.get(name)
        if value is None:
            value = given.get(_OLD_NAMES.get(name, name))
        if value is None:
            continue
        try:
            values[name] = _READERS[name](value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ParamsError(problems)
    return model(**values)


def _whole(least: int, most: int) -> Callable[[Any], int]:
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


def _level(value: Any) -> str:
    level = str(value).lower()
    if level not in LEVELS:
        raise ValueError(f"There is no level {level[:40]!r}.")
    return level


def _query(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        raise ValueError("The filter must be text of at most 1,000 characters.")
    check_filter(value)
    return value.strip()


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "threshold": _whole(1, THRESHOLD_MAX),
    "window_minutes": _whole(1, MINUTES_MAX),
    "for_minutes": _whole(0, MINUTES_MAX),
    "recovery_minutes": _whole(0, MINUTES_MAX),
    "level": _level,
    "query": _query,
}
