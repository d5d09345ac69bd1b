"""What a part of a search is in SQL, and how its rows are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID


class Reach(Enum):
    """How the rows of a condition are found."""

    COLUMN = "column"
    LOOKUP = "lookup"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL over the columns of `logs` with %s for each of `params`; empty `sql` means everything."""

    sql: str = ""
    params: tuple[Any, ...] = ()
    reach: Reach = Reach.COLUMN


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Join conditions by OR; they are reached in the way that all of them share, else by looking at rows."""
    if len(conditions) == 1:
        return conditions[0]
    different = {condition.reach for condition in conditions}
    reach = different.pop() if len(different) == 1 else Reach.SCAN
    sql = " OR ".join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(param for condition in conditions for param in condition.params), reach)


def one_of(column: str, values: Sequence[str | UUID], kind: str) -> Condition:
    """Return «the column has one of `values`», which are of the SQL type `kind`."""
    if not values:
        return Condition("FALSE")
    if len(values) == 1:
        return Condition(f"{column} = %s", (values[0],))
    return Condition(f"{column} = ANY(%s::{kind}[])", (list(values),))
