"""The way of nearly all batches: every entry has the documented fields and types, and nothing is wrong with it.

One loop that is kept tight, because it runs for every log. Whatever is unusual, it gives up: `careful` does the batch.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from logs.ingest.decode import ABSENT, Entry
from logs.ingest.levels import STORED
from logs.ingest.lines import NULL, Window, copy_line
from logs.ingest.meta import problem_of
from logs.ingest.timestamps import from_epoch

_BYTES_A_CHARACTER = 4  # at most, in UTF-8


def quick_lines(entries: list[Entry], window: Window, *, is_plain: bool) -> list[str] | None:
    """Write the line of every entry; None as soon as one is unusual. `is_plain`: no text needs to be escaped."""
    earliest, latest, now = window.earliest, window.latest, window.received_at.isoformat()
    longest = settings.INGEST_MAX_MESSAGE_BYTES // _BYTES_A_CHARACTER
    lines = []
    for entry in entries:
        level = STORED.get(entry.level)
        message = entry.message
        if level is None or not 0 < len(message) <= longest:
            return None
        ts = entry.timestamp
        if ts is None:
            stamp = now
        else:
            try:
                at = ts if isinstance(ts, datetime) else from_epoch(ts)
            except ValueError:
                return None
            if not earliest <= at <= latest:
                return None
            stamp = at.isoformat() if at.tzinfo is UTC else at.astimezone(UTC).isoformat()
        meta = None
        if entry.meta is not ABSENT:
            meta = str(entry.meta, "utf-8")
            if meta[:1] != "{" or problem_of(entry.meta):
                return None
        if is_plain:
            trace_id = NULL if entry.trace_id is None else entry.trace_id
            request_id = NULL if entry.request_id is None else entry.request_id
            lines.append(f"{level}\t{stamp}\t{message}\t{meta or NULL}\t{trace_id}\t{request_id}")
        else:
            lines.append(copy_line(level, stamp, message, meta, entry.trace_id, entry.request_id))
    return lines
