"""What both ways through a batch share: the times it may have, the line that is stored, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from logs.ingest.text import copy_escape

AHEAD = timedelta(hours=24)
NULL = "\\N"
COLUMNS = ("ts", "level", "message", "meta_json", "trace_id", "request_id")  # of a line, in this order


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


@dataclass(slots=True)
class Batch:
    """What is to be stored: lines of COPY text for COLUMNS. And what was left out, with the first reasons."""

    lines: list[str]
    rejected: int = 0
    details: list[dict[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def has_errors(self) -> bool:
        """Whether a line has the level error, its second column."""
        return any(line.startswith("error\t", line.index("\t") + 1) for line in self.lines)


def copy_line(
    stamp: str, level: str, message: str, meta: str | None, trace_id: str | None, request_id: str | None
) -> str:
    """Write one log as a line of COPY text; `meta` is JSON text."""
    values = (stamp, level, message, meta, trace_id, request_id)
    return "\t".join([NULL if value is None else copy_escape(value) for value in values])
