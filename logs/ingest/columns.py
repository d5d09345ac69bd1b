"""What both ways through a batch share: the times it may have, what is stored of its logs, and what was left out.

A batch is kept field by field, not log by log: so nearly all that is done with it is done in C.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple

from django.utils.functional import cached_property  # that of functools takes a lock

from logs.ingest.copy_format import copy_texts
from logs.ingest.refused import Refused

AHEAD = timedelta(hours=24)
_MINUTE = slice(0, 16)  # of a time: 2025-01-31T12:00


@dataclass(frozen=True)
class AcceptedTimes:
    """The times that a batch may have, ends included: as far back as its service keeps logs, and 24 hours ahead."""

    received_at: datetime
    retention_days: int

    @cached_property
    def earliest(self) -> datetime:
        return self.received_at - timedelta(days=self.retention_days)

    @cached_property
    def latest(self) -> datetime:
        return self.received_at + AHEAD


class Columns(NamedTuple):
    """What is stored of logs, each column as long as the others: `ts` is RFC 3339 in UTC, `meta_json` JSON text."""

    level: Sequence[str] = ()
    ts: Sequence[str] = ()
    message: Sequence[str] = ()
    meta_json: Sequence[str | None] = ()
    trace_id: Sequence[str | None] = ()
    request_id: Sequence[str | None] = ()


@dataclass
class Batch:
    """What is to be stored, and what was left out, with the first reasons.

    `is_plain` says that no text in it holds anything that COPY would have to escape; `size` is in bytes of its body.
    `details` are for the sender, `refused` is for the one who owns the service. `dropped` and `redacted` count what the
    service's ingest rules did, by the name of the rule.
    """

    columns: Columns
    is_plain: bool = False
    size: int = 0
    rejected: int = 0
    details: list[dict[str, str]] = field(default_factory=list)
    refused: Refused = field(default_factory=Refused)
    dropped: Mapping[str, int] = field(default_factory=dict)
    redacted: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns.level)

    @property
    def accepted(self) -> int:
        """How many logs its sender is rid of: those that the service's own rules dropped, too."""
        return len(self) + sum(self.dropped.values())

    @cached_property
    def counts(self) -> Counter[tuple[str, str]]:
        """How many logs there are of each level and minute (`2025-01-31T12:00`, UTC)."""
        return Counter(zip(self.columns.level, [ts[_MINUTE] for ts in self.columns.ts], strict=True))

    @cached_property
    def lines(self) -> list[str]:
        """The logs in COPY's text format, a line each, without an end."""
        level, ts, *texts = self.columns
        return list(map("\t".join, zip(level, ts, *[copy_texts(each, self.is_plain) for each in texts], strict=True)))

    def prepare(self) -> None:
        """Do now what storing it will need: others may wait then."""
        _ = self.counts, self.lines

    @property
    def reason(self) -> str:
        """Why entries were left out, in a sentence; "" when none was."""
        return self.refused.sentence

    @property
    def has_errors(self) -> bool:
        """Whether a log has the level error."""
        return "error" in self.columns.level


def counts_of(batches: Sequence[Batch]) -> Counter[tuple[str, str]]:
    """Add the counts of several batches up."""
    if len(batches) == 1:
        return batches[0].counts
    total: Counter[tuple[str, str]] = Counter()
    for batch in batches:
        total.update(batch.counts)
    return total


def columns_of(batches: Sequence[Batch]) -> Columns:
    """Put several batches one behind the other."""
    if len(batches) == 1:
        return batches[0].columns
    parts = zip(*(batch.columns for batch in batches), strict=True)
    return Columns(*(list(chain.from_iterable(part)) for part in parts))


def copy_text(batches: Sequence[Batch], prefix: str) -> str:
    """Return the logs of several batches in COPY's text format, each behind `prefix`: the columns in front."""
    lines = chain.from_iterable(batch.lines for batch in batches)
    return prefix + f"\n{prefix}".join(lines) + "\n"
