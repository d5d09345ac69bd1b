"""What can be asked of the logs that a search finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from logs.search.fields import column_of, json_key

SECTIONS = {"trace_id": "trace", "request_id": "request", "message": "message", None: "meta"}  # of a block, by column


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of time: one begins at `origin`, and each is `step` long."""

    origin: datetime
    step: timedelta


@dataclass(frozen=True, slots=True)
class Aggregation:
    """What is computed. Fields are named as in a search: `level`, `service`, `trace`, or a dotted path into the JSON.

    by        the field by whose values logs are grouped; "" for none. A log with several of them (in a list, or where
              the path has two readings) is in several groups. A number and a text of the same digits are one value,
              and numbers that are equal are one; of long values the first 200 characters count.
    of        the field of the JSON whose numbers are measured: their count, sum, least and greatest; "" for none.
              A number is what JSON calls so, as for `key:>5`; of a list each is one. Sums are exact, however long the
              numbers are.
    has_quantiles  whether their quantiles are asked for, too
    distinct  the field whose different values are counted; "" for none. Services and environments are none: `by` has
              each of these
    bars      bars of time in which all that is computed, too; None for none. Not together with both `by` and
              `distinct`
    most_groups    how many groups are told apart in the result, those with the most logs; the others are put together
    """

    by: str = ""
    of: str = ""
    has_quantiles: bool = False
    distinct: str = ""
    bars: Bars | None = None
    most_groups: int = 10

    def __post_init__(self) -> None:
        if self.of and column_of(self.of):
            raise ValueError(f"{self.of} has no numbers.")
        if self.distinct and column_of(self.distinct) in ("service", "environment"):
            raise ValueError(f"{self.distinct} is a field to group by.")
        if self.by and self.distinct and self.bars:
            raise ValueError("Different values are counted by group or by time, not by both.")

    @property
    def sections(self) -> set[str]:
        """The sections of a block that have to be read for it."""
        needed = {SECTIONS.get(column_of(name), "narrow") for name in self.fields}
        return needed | ({"narrow"} if self.bars else set())

    @property
    def fields(self) -> Iterator[str]:
        """The fields that it names."""
        return (name for name in (self.by, self.of, self.distinct) if name)

    @property
    def json_keys(self) -> list[str]:
        """The paths into the JSON that it names."""
        return [json_key(name) for name in self.fields if not column_of(name)]
