"""From a request's bytes to what is to be stored."""

from __future__ import annotations

from django.conf import settings

from logs.ingest.columns import AcceptedTimes, Batch
from logs.ingest.decode import Payload, decode_entries
from logs.ingest.fast_path import quick_columns
from logs.ingest.slow_path import careful_batch
from pulseops.core.web.json_errors import ApiError


def make_batch(payload: Payload, window: AcceptedTimes, *, is_lenient: bool) -> Batch:
    """Check every entry and write what is stored of it; with `is_lenient` those that are wrong are left out.

    Raises ApiError 400: BAD_REQUEST when the body is not JSON, VALIDATION_ERROR with details when an entry is wrong.
    """
    entries = decode_entries(payload)
    if entries is not None and len(entries) <= settings.INGEST_MAX_ENTRIES:
        columns = quick_columns(entries, window)
        if columns is not None:
            return Batch(columns, payload.is_plain, size=len(payload.content))
    batch = careful_batch(payload, window, is_lenient=is_lenient)
    batch.size = len(payload.content)
    if batch.rejected and not is_lenient:
        message = f"{batch.rejected} of {len(batch) + batch.rejected} logs cannot be accepted; none was stored."
        raise ApiError("VALIDATION_ERROR", message, details=batch.details)
    return batch
