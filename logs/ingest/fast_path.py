"""The way of nearly all batches: every entry has the documented fields and types, and nothing is wrong with it.

It runs for every log, so it goes field by field through the whole batch instead of log by log: most looks are then one
call that works in C. When anything is unusual it gives up, and `careful` does the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from django.conf import settings
from msgspec import Raw
from msgspec.structs import astuple

from logs.ingest.columns import AcceptedTimes, Columns
from logs.ingest.decode import Entry
from logs.ingest.levels import STORED
from logs.ingest.meta import are_storable
from logs.ingest.timestamps import from_epoch, utc_texts

_BYTES_A_CHARACTER = 4  # at most, in UTF-8


def quick_columns(entries: Sequence[Entry], window: AcceptedTimes) -> Columns | None:
    """Write what is stored of the entries; None when one is unusual."""
    if not entries:
        return Columns()
    messages, levels, times, metas, traces, requests = zip(*map(astuple, entries), strict=True)
    stored = [*map(STORED.get, levels)]
    if None in stored or not _are_messages(messages):
        return None
    stamps, texts = _stamps(times, window), _meta_texts(metas)
    if stamps is None or texts is None:
        return None
    return Columns(cast("list[str]", stored), stamps, messages, texts, traces, requests)


def _are_messages(messages: Sequence[str]) -> bool:
    lengths = [*map(len, messages)]
    return min(lengths) > 0 and max(lengths) <= settings.INGEST_MAX_MESSAGE_BYTES // _BYTES_A_CHARACTER


def _stamps(times: Sequence[datetime | float | None], window: AcceptedTimes) -> list[str] | None:
    try:
        moments = [each if isinstance(each, datetime) else _moment(each, window) for each in times]
    except ValueError:
        return None
    if min(moments) < window.earliest or max(moments) > window.latest:
        return None
    return utc_texts(moments)


def _moment(time: float | None, window: AcceptedTimes) -> datetime:
    return window.received_at if time is None else from_epoch(time)


def _meta_texts(metas: Sequence[Raw]) -> list[str | None] | None:
    """Return the JSON texts, None for an entry without; None as a whole when one is no object or not storable."""
    texts = [str(meta, "utf-8") if meta else None for meta in metas]
    filled = [meta for meta in metas if meta]
    are_objects = all(text is None or text[0] == "{" for text in texts)
    return texts if are_objects and are_storable(filled) else None
