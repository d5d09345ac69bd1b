"""What both ways through a batch share: the times it may have, the line that is stored, and what comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from logs.ingest.text import copy_escape

AHEAD = timedelta(hours=24)
NULL = "\\N"
COLUMNS = ("level", "ts", "message", "meta_json", "trace_id", "request_id")  # of a line, in this order
# A line begins «info\t2025-01-31T12:00:…», so these characters of it are its level and minute.
LEVEL_AND_MINUTE = slice(0, 22)


@dataclass(frozen=True)
class Window:
    """The times that a batch may have, ends included: as far back as its service keeps logs, and 24 hours ahead."""

    received_at: datetime
    retention_days: int

    @cached_property
    def earliest(self) -> datetime:
        return self.received_at - timedelta(days=self.retention_days)

    @cached_property
    def latest(self) -> datetime:
        return self.received_at + AHEAD


@dataclass
class Batch:
    """What is to be stored: lines of COPY text for COLUMNS. And what was left out, with the first reasons."""

    lines: list[str]
    rejected: int = 0
    details: list[dict[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """How many lines there are of each level and minute (`2025-01-31T12:00`, UTC)."""
        found: dict[tuple[str, str], int] = {}
        for key, count in Counter([line[LEVEL_AND_MINUTE] for line in self.lines]).items():
            level, _, minute = key.partition("\t")
            found[level, minute.rstrip(":")] = count
        return found

    @property
    def has_errors(self) -> bool:
        """Whether a line has the level error."""
        return any(level == "error" for level, _ in self.counts)


def copy_line(
    level: str, stamp: str, message: str, meta: str | None, trace_id: str | None, request_id: str | None
) -> str:
    """Write one log as a line of COPY text; `stamp` is RFC 3339 in UTC, `meta` JSON text."""
    values = (level, stamp, message, meta, trace_id, request_id)
    return "\t".join([NULL if value is None else copy_escape(value) for value in values])
