"""The way of nearly all OTLP in protobuf: records as exporters write them, column by column instead of one by one.

Where anything is unusual, None says so, and these records are read one by one, which gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any, Protocol

from django.conf import settings

from logs.ingest.columns import AcceptedTimes, Columns
from logs.ingest.meta import are_storable, problem_of
from logs.ingest.protocols.otlp.mapping import id_of_bytes, ids_of_named
from logs.ingest.protocols.otlp.shared_columns import levels_of, metas_of, tails_of
from logs.ingest.protocols.otlp.wire import text_start
from logs.ingest.rows import micros
from logs.ingest.timestamps import EPOCH, texts_of_nanoseconds

_LEAST_TIME = 10**18  # nanoseconds; from 2001 on a time has 19 digits
_NUL = rb"\u0000"
_SHORTEST_MEMBER = len('"":0,')
_BYTES_A_CHARACTER = 4  # at most, in UTF-8


class Attributes(Protocol):
    """What reads attributes, and remembers what they become."""

    forgotten: int

    def members(self, attributes: Sequence[bytes]) -> list[bytes]: ...

    def has_named(self, attributes: Sequence[bytes]) -> bool: ...

    def named_of(self, attributes: Sequence[bytes]) -> dict[str, bytes]: ...


class ColumnReader:
    """Reads the records of a scope, which have the members `shared` in common."""

    def __init__(self, shared: bytes, window: AcceptedTimes, attributes: Attributes) -> None:
        self._attributes = attributes
        self._opening = "{" + shared.decode()
        self._is_storable = problem_of(b"{%b}" % shared) is None and _NUL not in shared
        self._longest_meta = settings.INGEST_MAX_FIELDS * _SHORTEST_MEMBER
        self._longest_message = settings.INGEST_MAX_MESSAGE_BYTES // _BYTES_A_CHARACTER
        self._earliest = max(micros(window.earliest - EPOCH) * 1_000, _LEAST_TIME)
        self._latest = micros(window.latest - EPOCH) * 1_000

    def columns(self, records: Sequence[Any]) -> Columns | None:
        """Return what is stored of records; None when one is unusual."""
        times = [record.time for record in records]
        if not self._is_storable or min(times) < self._earliest or max(times) > self._latest:
            return None
        messages, levels = self._messages([record.body for record in records]), _levels(records)
        if messages is None or levels is None or any(record.event_name for record in records):
            return None
        members = self._members(records)
        if members is None or not _are_storable(members[0]):
            return None
        lists, named = members
        metas = metas_of(self._opening, b"\0".join(lists).decode().split("\0"), _tails(records, levels[1]))
        if max(map(len, metas)) > self._longest_meta:
            return None
        trace_ids, request_ids = _ids(records, named)
        stamps = texts_of_nanoseconds([*map(str, times)])
        return Columns(levels[0], stamps, messages, [meta or None for meta in metas], trace_ids, request_ids)

    def _messages(self, bodies: Sequence[bytes]) -> list[str] | None:
        """Return bodies that are all texts, none empty or too long."""
        starts = [text_start(body) if body else None for body in bodies]
        if None in starts:
            return None
        texts = b"\0".join([body[start:] for body, start in zip(bodies, starts, strict=True)])
        messages = texts.decode("utf-8", "replace").split("\0")
        lengths = [*map(len, messages)] if len(messages) == len(bodies) else [0]
        return messages if min(lengths) and max(lengths) <= self._longest_message else None

    def _members(self, records: Sequence[Any]) -> tuple[list[bytes], dict[int, Mapping[str, bytes]]] | None:
        """Return of each record its attributes as members of a JSON object, each after a comma; and by the number of a
        record those that are looked at, where it has any. None when some were forgotten meanwhile."""
        reader, lists = self._attributes, [record.attributes for record in records]
        together, forgotten = list(chain.from_iterable(lists)), reader.forgotten
        members = iter(reader.members(together))
        texts = [b",".join([b"", *islice(members, size)]) for size in map(len, lists)]
        named = dict[int, Mapping[str, bytes]]()
        if reader.has_named(together):
            named = {number: values for number, each in enumerate(lists) if (values := reader.named_of(each))}
        return (texts, named) if reader.forgotten == forgotten else None


def _levels(records: Sequence[Any]) -> tuple[list[str], list[str] | None] | None:
    texts = [record.severity_text for record in records]
    if b"\0" in b"".join(texts):
        return None
    names = [str(text, "utf-8", "replace") for text in texts] if any(texts) else [None] * len(texts)
    return levels_of([record.severity for record in records], names, int)


def _are_storable(lists: Sequence[bytes]) -> bool:
    """Return whether the database takes members as they are. Numbers are no larger than 64 bits here, so only what has
    an object or array in it, or seems to, is looked at closely."""
    together = b"".join(lists)
    if _NUL in together:
        return False
    is_flat = b"{" not in together and b"[" not in together
    return is_flat or are_storable([b"{%b}" % members[1:] for members in lists])


def _tails(records: Sequence[Any], said: Sequence[str] | None) -> list[str] | None:
    """Return the members that come after the attributes, each after a comma; None when no record has one."""
    spans = [record.span_id for record in records]
    return tails_of(
        said,
        [id_of_bytes(span) for span in spans] if any(spans) else [None] * len(spans),
        [record.dropped for record in records],
        [record.flags for record in records],
    )


def _ids(records: Sequence[Any], named: Mapping[int, Mapping[str, bytes]]) -> tuple[list[str | None], list[str | None]]:
    """Return the ids of traces and requests: a record's own, else what its attributes say."""
    traces = [record.trace_id for record in records]
    trace_ids: list[str | None] = [None] * len(traces)
    if any(traces):
        trace_ids = [id_of_bytes(trace) for trace in traces]
    request_ids: list[str | None] = [None] * len(traces)
    for number, values in named.items():
        trace_ids[number], request_ids[number] = ids_of_named(trace_ids[number], values)
    return trace_ids, request_ids
