"""The report: what was found, what was or will be changed, how many rows there were and are, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from django.db import connection

from pulseops.adoption.attention import needs_a_person
from pulseops.adoption.rehearsal import Shape, rehearsed, shape
from pulseops.core.adoption.takeover import adopted_tables, changes_noted, rows_now

_ALIKE = (" may be empty", " has nothing by default")


@dataclass(frozen=True, slots=True)
class Count:
    """A table's rows before the takeover, right after it, and now; `after` is None before the takeover."""

    table: str
    before: int
    after: int | None
    now: int

    @property
    def is_short(self) -> bool:
        """Whether rows got lost; what went later, by retention say, is no one's loss."""
        return (self.now if self.after is None else self.after) < self.before


@dataclass(slots=True)
class Report:
    """`problem` is why the takeover cannot work, empty if it can."""

    found: str
    is_migrated: bool
    counts: list[Count] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """0: all is well. 1: a person has something to do. 2: rows are missing, or the takeover cannot work."""
        if self.problem or any(count.is_short for count in self.counts):
            return 2
        return 1 if self.attention else 0

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {**asdict(self), "exit_code": self.exit_code}

    def lines(self) -> Iterator[str]:
        """Yield it as text."""
        yield f"Found: {self.found}"
        if self.counts:
            yield "\nRows" + " " * 28 + f"{'before':>12} {'after':>12} {'now':>12}"
        for count in self.counts:
            after = "" if count.after is None else f"{count.after:,}"
            lost = "  MISSING" if count.is_short else ""
            yield f"{count.table:32}{count.before:12,} {after:>12} {count.now:12,}{lost}"
        if self.changes:
            yield f"\n{'Changed' if self.is_migrated else 'Will be changed'}"
        yield from (f"{table}: {words}" for table, words in _folded(self.changes))
        if self.attention:
            yield "\nNeeds a person"
        yield from self.attention
        if self.problem:
            yield f"\nThe takeover cannot work: {self.problem}"


def _folded(changes: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Make one line of what befalls many columns of a table."""
    for table, group in groupby(changes, key=lambda change: change[0]):
        alike: dict[str, list[str]] = {end: [] for end in _ALIKE}
        for _, words in group:
            end = next((end for end in _ALIKE if words.endswith(end)), None)
            if end:
                alike[end].append(words.removesuffix(end))
            else:
                yield table, words
        yield from ((table, ", ".join(names) + end) for end, names in alike.items() if names)


def gather() -> Report:
    """Check the database; before the takeover by trying it out. Nothing is changed."""
    result = shape()
    report = Report(result.value, is_migrated=result is Shape.MIGRATED)
    if result is Shape.EMPTY:
        return report
    if report.is_migrated:
        _fill(report)
        return report
    try:
        with rehearsed():
            _fill(report)
    except Exception as error:  # whatever it is, it would stop `migrate` too
        report.problem = f"{type(error).__name__}: {error}".strip()
    return report


def _fill(report: Report) -> None:
    with connection.cursor() as cursor:
        for table, before, after in adopted_tables(cursor):
            report.counts.append(Count(table, before, after, rows_now(cursor, table)))
        report.changes = changes_noted(cursor)
    if report.counts:
        report.attention = needs_a_person()
