"""A search that cannot be understood: where, why, and how to write it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)  # not frozen: a context manager on its way sets its traceback
class QuerySyntaxError(Exception):
    """`start` and `end` are characters of the query; `hint` tells how to fix it."""

    start: int
    end: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return self.message
