"""What the doctor says: one finding for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the worst of all findings is the command's exit code."""

    OK = 0
    WARNING = 1  # works, but not as it should, or not for long
    PROBLEM = 2  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `text` says how it is, `advice` what to do, where there is anything to do."""

    level: Level
    subject: str
    text: str
    advice: str = ""

    @property
    def state(self) -> str:
        """The state's name in the product's table of states."""
        return {Level.OK: "ok", Level.WARNING: "warning", Level.PROBLEM: "error"}[self.level]

    @property
    def word(self) -> str:
        """The level as people read it."""
        return {Level.OK: "OK", Level.WARNING: "Warning", Level.PROBLEM: "Problem"}[self.level]


def ok(subject: str, text: str) -> Finding:
    """Return a finding with nothing to do."""
    return Finding(Level.OK, subject, text)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level, OK of none."""
    return max((each.level for each in findings), default=Level.OK)
