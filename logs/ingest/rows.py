"""From the entries of a protocol that is not ours to a batch: what does not fit is cut, and marked, not refused.

Whole columns are looked at together, as in the fast path; only what is wrong is looked at one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

import msgspec
from django.conf import settings
from msgspec import Raw

from logs.ingest.columns import AcceptedTimes, Batch, Columns
from logs.ingest.copy_format import replace_unstorable
from logs.ingest.json_text import decode_fields
from logs.ingest.meta import are_storable, problem_of
from logs.ingest.refused import Refused
from logs.ingest.timestamps import EPOCH, texts_of_micros

# When it happened (microseconds since 1970, None: when it arrives), level, message, meta (the JSON text of an object,
# or nothing), trace_id, request_id.
Row = tuple[int | None, str, str, bytes, str | None, str | None]
TOO_OLD, TOO_FAR = "older than this service keeps logs", "more than 24 hours ahead"
EMPTY = "without a message"
_MARK = b'"truncated":true'
_SPECIAL = "\\\n\r\t"  # of COPY's text format
_BYTES_A_CHARACTER = 4  # at most, in UTF-8


class ForeignBatch(Batch):
    """A batch that knows which of the rows it was made of are not in it, and why."""

    refused_rows: dict[int, str]


def batch_of(rows: Sequence[Row], window: AcceptedTimes, refused: Refused | None = None) -> ForeignBatch:
    """Make a batch of rows; those that cannot be stored are added to `refused`, what a reader had refused before."""
    refused = refused if refused is not None else Refused()
    times = _times(rows, window)
    wrong = _wrong_rows(rows, times, window)
    for number, reason in wrong.items():
        refused.add(reason, rows[number][2] or rows[number][3])
    if wrong:
        times = [time for number, time in enumerate(times) if number not in wrong]
    kept = [row for number, row in enumerate(rows) if number not in wrong] if wrong else rows
    columns = _columns(kept, times)
    batch = ForeignBatch(columns, is_plain=are_plain(columns), refused=refused, rejected=len(refused))
    batch.refused_rows = wrong
    return batch


def _times(rows: Sequence[Row], window: AcceptedTimes) -> list[int]:
    received = micros(window.received_at - EPOCH)
    return [received if row[0] is None else row[0] for row in rows]


def _wrong_rows(rows: Sequence[Row], times: Sequence[int], window: AcceptedTimes) -> dict[int, str]:
    if not rows:
        return {}
    earliest, latest = micros(window.earliest - EPOCH), micros(window.latest - EPOCH)
    wrong = {}
    if min(times) < earliest or max(times) > latest:
        wrong = {number: TOO_OLD for number, time in enumerate(times) if time < earliest}
        wrong |= {number: TOO_FAR for number, time in enumerate(times) if time > latest}
    if not all(row[2] for row in rows):
        wrong |= {number: EMPTY for number, row in enumerate(rows) if not row[2]}
    return wrong


def _columns(rows: Sequence[Row], times: Sequence[int]) -> Columns:
    if not rows:
        return Columns()
    _, level, message, meta, trace_id, request_id = zip(*rows, strict=True)
    messages, metas = _cut(message, meta)
    stamps = texts_of_micros(times)
    texts = _decoded(_storable(metas))
    plain = cast("Sequence[str]", _without_nul(messages))
    return Columns(level, stamps, plain, texts, _without_nul(trace_id), _without_nul(request_id))


def are_plain(columns: Columns) -> bool:
    """Return whether no text holds what COPY would have to escape."""
    texts = (columns.message, columns.meta_json, columns.trace_id, columns.request_id)
    together = ["".join(filter(None, column)) for column in texts]
    return not any(special in text for text in together for special in _SPECIAL)


def micros(duration: timedelta) -> int:
    """Return how many whole microseconds a duration has."""
    return duration // timedelta(microseconds=1)


def _cut(messages: Sequence[str], metas: Sequence[bytes]) -> tuple[Sequence[str], Sequence[bytes]]:
    """Cut messages that are too long at a character, and mark their meta."""
    limit = settings.INGEST_MAX_MESSAGE_BYTES
    if max(map(len, messages)) <= limit // _BYTES_A_CHARACTER:
        return messages, metas
    cut, marked = list(messages), list(metas)
    for number, message in enumerate(messages):
        content = message.encode("utf-8", "replace")
        if len(content) > limit:
            cut[number] = content[:limit].decode("utf-8", "ignore")
            marked[number] = b"{" + b",".join(filter(None, [metas[number][1:-1], _MARK])) + b"}"
    return cut, marked


def _storable(metas: Sequence[bytes]) -> Sequence[bytes]:
    """Return metas as the database takes them: without NUL, nothing nested too deeply, no numbers beyond all bounds."""
    filled = [meta for meta in metas if meta]
    together = b"".join(filled)
    if rb"\u0000" in together or rb"\ud" in together or rb"\uD" in together:
        metas = [replace_unstorable(meta) for meta in metas]
        filled = [meta for meta in metas if meta]
    return metas if are_storable(filled) else [_fitting(meta) for meta in metas]


def _decoded(metas: Sequence[bytes]) -> list[str | None]:
    """Return metas as text, all at once where none holds what stands between them, which JSON does not."""
    texts = b"\0".join(metas).decode().split("\0")
    if len(texts) != len(metas):
        texts = [str(each, "utf-8") for each in metas]
    return [text or None for text in texts]


def _fitting(meta: bytes) -> bytes:
    """Turn the members of a meta that cannot be stored as they are into texts of their JSON."""
    if not meta or problem_of(meta) is None:
        return meta
    fields = decode_fields(meta) or {"unreadable": Raw(msgspec.json.encode(meta.decode("utf-8", "replace")))}
    if len(fields) > settings.INGEST_MAX_FIELDS:  # however small each of them is
        return _whole_as_text(meta)
    members = (
        msgspec.json.encode(name) + b":" + (_as_text(value) if problem_of(b"[%b]" % bytes(value)) else bytes(value))
        for name, value in fields.items()
    )
    fitting = b"{" + b",".join(members) + b"}"
    return fitting if problem_of(fitting) is None else _whole_as_text(meta)


def _whole_as_text(meta: bytes) -> bytes:
    """Return a meta that has too many fields, at all depths together, as one with a text of them all."""
    return b'{"fields":' + _as_text(Raw(meta)) + b"}"


def _as_text(value: Raw) -> bytes:
    return msgspec.json.encode(bytes(value).decode("utf-8", "replace"))


def _without_nul(texts: Sequence[str | None]) -> Sequence[str | None]:
    if "\0" in "".join(filter(None, texts)):
        return [text and text.replace("\0", "\ufffd") for text in texts]
    return texts
