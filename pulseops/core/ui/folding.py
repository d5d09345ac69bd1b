"""Long lists of which a page shows the beginning, and the rest when it is unfolded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
_WORTH_IT = 3  # rows below which folding hides more than it saves


@dataclass(frozen=True, slots=True)
class Folded(Generic[T]):
    """What is shown at once, and what follows it."""

    shown: Sequence[T]
    folded: Sequence[T]

    @classmethod
    def of(cls, rows: Sequence[T], length: int) -> Folded[T]:
        """Show the first `length` of `rows`, or all of them if only a few more are there."""
        if len(rows) <= length + _WORTH_IT:
            return cls(rows, ())
        return cls(rows[:length], rows[length:])
