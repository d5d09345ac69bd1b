"""What other apps read of the logs; nothing outside `logs` names its tables.

Times are UTC, and each query of rows has a bound in time. Rules count by the time at which a log was received, so a
late line never escapes them; pages count by the log's own time.
"""

from __future__ import annotations

from logs.reading.pages import (
    Moment,
    Sides,
    count_bars,
    count_on_sides,
    error_messages,
    errors_around,
    newest_of_service,
    volume,
)
from logs.reading.rules import (
    LogScope,
    Matching,
    Query,
    Received,
    count_received,
    count_received_matching,
    count_steps,
    first_time,
    heard_from,
    sample_lines,
)

__all__ = [
    "LogScope",
    "Matching",
    "Moment",
    "Query",
    "Received",
    "Sides",
    "count_bars",
    "count_on_sides",
    "count_received",
    "count_received_matching",
    "count_steps",
    "error_messages",
    "errors_around",
    "first_time",
    "heard_from",
    "newest_of_service",
    "sample_lines",
    "volume",
]
