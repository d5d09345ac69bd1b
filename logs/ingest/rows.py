"""What both ways through a batch share: the times it may have, what is stored of a log, and what comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from logs.ingest.text import copy_escape

AHEAD = timedelta(hours=24)
NULL = "\\N"
COLUMNS = ("level", "ts", "message", "meta_json", "trace_id", "request_id")
# Level, RFC 3339 in UTC, message, JSON text, trace id, request id: what is stored of a log, in the order of COLUMNS.
Row = tuple[str, str, str, str | None, str | None, str | None]
_MINUTE = slice(0, 16)  # of a time: 2025-01-31T12:00


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
    """What is to be stored, and what was left out, with the first reasons.

    `is_plain` says that no text in it holds anything that COPY would have to escape.
    """

    rows: list[Row]
    is_plain: bool = False
    rejected: int = 0
    details: list[dict[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """How many rows there are of each level and minute (`2025-01-31T12:00`, UTC)."""
        return Counter([(row[0], row[1][_MINUTE]) for row in self.rows])

    @property
    def has_errors(self) -> bool:
        """Whether a row has the level error."""
        return any(row[0] == "error" for row in self.rows)

    def copy_text(self, prefix: str) -> str:
        """Return the rows in COPY's text format, each behind `prefix`, which has the columns in front."""
        if self.is_plain:
            lines = ["\t".join([NULL if value is None else value for value in row]) for row in self.rows]
        else:
            lines = ["\t".join([NULL if value is None else copy_escape(value) for value in row]) for row in self.rows]
        return prefix + f"\n{prefix}".join(lines) + "\n"
