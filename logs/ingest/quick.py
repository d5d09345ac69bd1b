"""The way of nearly all batches: every entry has the documented fields and types, and nothing is wrong with it.

One loop that is kept tight, because it runs for every log. Whatever is unusual, it gives up: `careful` does the batch.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from logs.ingest.decode import ABSENT, Entry, Payload
from logs.ingest.levels import STORED
from logs.ingest.meta import is_storable, may_have_small_numbers
from logs.ingest.rows import Row, Window
from logs.ingest.timestamps import from_epoch

_BYTES_A_CHARACTER = 4  # at most, in UTF-8


def quick_rows(payload: Payload, entries: list[Entry], window: Window) -> list[Row] | None:
    """Write the row of every entry; None as soon as one is unusual."""
    earliest, latest, now = window.earliest, window.latest, window.received_at.isoformat()
    longest = settings.INGEST_MAX_MESSAGE_BYTES // _BYTES_A_CHARACTER
    is_flat, may_be_small = _is_flat(payload, entries), may_have_small_numbers(payload.content)
    rows: list[Row] = []
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
            if meta[0] != "{" or not is_storable(entry.meta, len(meta), is_flat=is_flat, may_be_small=may_be_small):
                return None
        rows.append((level, stamp, message, meta, entry.trace_id, entry.request_id))
    return rows


def _is_flat(payload: Payload, entries: list[Entry]) -> bool:
    """Whether so few brackets open, besides one for each entry and each meta, that none can be nested too deeply."""
    openings = payload.content.count(b"{") + payload.content.count(b"[")
    metas = sum([entry.meta is not ABSENT for entry in entries])
    return openings - len(entries) - metas < settings.INGEST_MAX_DEPTH
