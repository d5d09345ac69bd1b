"""The address of a log in a URL, `<ts in µs>-<id>`: the table's key within an organisation, and the place in a list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = re.compile(r"(-?[0-9]{1,17})-([0-9]{1,19})\Z")
_MAX_ID = 2**63 - 1
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class LogCursor:
    """One log, or with id 0 the moment `ts`, before every log of that moment."""

    ts: datetime
    id: int

    def __str__(self) -> str:
        return f"{microseconds(self.ts)}-{self.id}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the address that `text` writes, or None when it is none."""
        match = _WRITTEN.match(text)
        if not match:
            return None
        ts = moment(int(match.group(1)))
        number = int(match.group(2))
        return cls(ts, number) if ts and number <= _MAX_ID else None


def microseconds(ts: datetime) -> int:
    """Return the microseconds since 1970 of an aware datetime."""
    return (ts - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime | None:
    """Return the datetime that is `count` microseconds after 1970, in UTC; None when it is absurdly far away."""
    try:
        ts = _EPOCH + count * _MICROSECOND
    except OverflowError:
        return None
    return ts if EARLIEST <= ts < LATEST else None
