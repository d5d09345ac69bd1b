"""Logs as searches find them, from the table or from a block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from logs.cursor import LogCursor
from pulseops.core.db.row_security import current_scope

MESSAGE_SHOWN = 20_000  # characters of a message that a list reads
META_SHOWN = 20_000  # bytes of JSON that a list reads
ID_SHOWN = 1_000  # characters of a trace or request id


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log as lists show it: `message` and `meta` may be cut short, `length` is that of the whole message."""

    id: int
    ts: datetime
    service_id: UUID
    environment_id: UUID
    level: str
    message: str
    length: int
    meta: dict[str, Any] | None
    trace_id: str | None
    request_id: str | None

    @property
    def address(self) -> LogCursor:
        """Its place in any list and in the URL."""
        return LogCursor(self.ts, self.id)


@dataclass(frozen=True, slots=True)
class LogDetail:
    """One log with everything that is stored of it; `meta` is the raw JSON text."""

    row: LogRow
    message: str
    meta: str | None
    received_at: datetime
    trace_id: str | None
    request_id: str | None


class ForeignRowError(Exception):
    """A page read a log of an organisation that it is not about."""


def check_owner(org_id: UUID) -> None:
    """Raise ForeignRowError where a page of one organisation reads a log of another.

    `logs` and `log_blocks` have no policy, since no search could use an index then; so the organisation is compared
    here once more.
    """
    scope = current_scope()
    if scope is not None and org_id != scope.org_id:
        raise ForeignRowError


def read_row(row: Sequence[Any]) -> LogRow:
    """Make a LogRow of the columns that `plans.ROW` names. Raises ForeignRowError."""
    check_owner(row[10])
    parsed = json.loads(row[7]) if row[7] else None
    meta = parsed if isinstance(parsed, dict) else None
    return LogRow(row[0], row[1], row[2], row[3], row[4], row[5], row[6], meta, row[8], row[9])
