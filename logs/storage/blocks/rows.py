"""Logs between the table `logs` and a block: taken out of the one for the other, and written back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection

from logs.storage.blocks.arrays import Ints, np
from logs.storage.blocks.block import Block
from logs.storage.blocks.codec import LEVELS, Rows
from logs.storage.blocks.table import SECTIONS, Head, Place, moment_of

BLOCK_LOGS = 2_000  # of a full block
BLOCK_BYTES = 8 * 1024 * 1024  # of text, from which on fewer logs fill one
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)  # of a log that can be addressed, see logs/cursor.py
_EPOCH_2000 = 946_684_800_000_000  # µs: PostgreSQL counts from there

# JSON that lies compressed says nothing of its length until it is unpacked; most does not.
_SIZE = """octet_length(message) + CASE WHEN meta_json IS NULL THEN 0
    WHEN pg_column_compression(meta_json) IS NULL THEN pg_column_size(meta_json)
    ELSE octet_length(meta_json::text) END"""
# Not as a comparison of rows: planners think that hardly any are behind one, and walk the logs of all environments.
_STRETCH = """{place} AND ts >= %s AND ts < %s AND (ts > %s OR id > %s) AND created_at >= %s AND created_at < %s"""
_WAITING = (
    "SELECT count(*) FROM (SELECT 1 FROM logs WHERE {place} AND ts >= %s AND ts < %s ORDER BY ts LIMIT %s) AS oldest"
)
_READ = f"""
    SELECT count(*), string_agg(timestamptz_send(ts), ''::bytea) FILTER (WHERE fits),
        string_agg(timestamptz_send(created_at), ''::bytea) FILTER (WHERE fits),
        string_agg(int8send(id), ''::bytea) FILTER (WHERE fits), string_agg(left(level, 1), '') FILTER (WHERE fits),
        string_agg(convert_to(message, 'UTF8'), '\\x00'::bytea) FILTER (WHERE fits),
        string_agg(coalesce(meta_json::text, ''), E'\\n') FILTER (WHERE fits),
        array_agg(trace_id) FILTER (WHERE fits), array_agg(request_id) FILTER (WHERE fits)
    FROM (
        SELECT *, sum(size) OVER (ORDER BY ts, id ROWS UNBOUNDED PRECEDING) - size < %s AS fits FROM (
            SELECT ts, created_at, id, level, message, meta_json, trace_id, request_id, {_SIZE} AS size
            FROM logs WHERE {_STRETCH} ORDER BY ts, id LIMIT %s
        ) AS oldest
    ) AS summed
"""  # noqa: S608
_DELETE = f"""
    DELETE FROM logs WHERE {_STRETCH} AND ts <= %s AND (ts < %s OR id <= %s)
"""  # noqa: S608
_WRITE = """
    INSERT INTO logs (org_id, service_id, environment_id, ts, created_at, id, level, message, meta_json,
        trace_id, request_id)
    SELECT %s, %s, %s, log.* FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[],
        %s::jsonb[], %s::text[], %s::text[]) AS log
"""
_LEVEL_OF = {level[0]: number for number, level in enumerate(LEVELS)}


class RowsMovedError(Exception):
    """Rows that were to be deleted are not those that were read."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Logs of a place with `start` <= ts < `end`, behind (`start`, `after`), that were received before `received`."""

    place: Place
    start: datetime
    end: datetime
    received: datetime
    after: int = -(2**63)

    @property
    def values(self) -> list[Any]:
        """Return what stands in a statement for the stretch."""
        params = self.place.condition.params
        return [*params, self.start, self.end, self.start, self.after, EARLIEST, self.received]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The oldest logs of a stretch; `is_full` when a block has no room for more."""

    rows: Rows
    is_full: bool


def may_fill_block(place: Place, start: datetime, end: datetime) -> bool:
    """Return whether a place has as many logs with `start` <= ts < `end` as fill a block.

    An index tells that, without any rows, as long as none were deleted among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAITING.format(place=place.condition.sql), [*place.condition.params, start, end, BLOCK_LOGS])
        return bool(cursor.fetchone()[0] >= BLOCK_LOGS)


def read_oldest(stretch: Stretch, most: int) -> Chunk | None:
    """Return the oldest logs of the stretch that fit into a block together, sorted; None where it has none."""
    connection.ensure_connection()
    session: psycopg.Connection[Any] = connection.connection
    sql = _READ.format(place=stretch.place.condition.sql)
    with connection.wrap_database_errors, psycopg.Cursor(session) as cursor:  # Django's own give no binary results
        row = cursor.execute(sql, [BLOCK_BYTES, *stretch.values, most], binary=True).fetchone()
    if row is None or not row[0]:
        return None
    logs, ts, received, ids, levels, messages, metas, traces, requests = row
    numbers = np.frombuffer(bytes(map(_LEVEL_OF.__getitem__, levels)), np.uint8)
    texts = [meta or None for meta in metas.split("\n")]
    rows = Rows(
        _moments(ts), _moments(received), _big(ids), numbers, messages.decode().split("\0"), texts, traces, requests
    )
    return Chunk(rows, is_full=logs == most or len(rows) < logs)


def delete_oldest(stretch: Stretch, rows: Rows) -> None:
    """Delete the oldest logs of a stretch, which are `rows`; raises RowsMovedError where it has others by now."""
    last, id_ = moment_of(rows.ts[-1]), int(rows.ids[-1])
    with connection.cursor() as cursor:
        cursor.execute(_DELETE.format(place=stretch.place.condition.sql), [*stretch.values, last, last, id_])
        if cursor.rowcount != len(rows):
            raise RowsMovedError


def write_back(place: Place, rows: Rows) -> None:
    """Insert rows into `logs` again, as they were. Within a transaction."""
    values = [
        [moment_of(ts) for ts in rows.ts.tolist()], [moment_of(ts) for ts in rows.received.tolist()],
        rows.ids.tolist(), [LEVELS[level] for level in rows.levels.tolist()],
        list(rows.messages), list(rows.metas), list(rows.traces), list(rows.requests),
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [place.org_id, place.service_id, place.environment_id, *values])


def block_of(head: Head, sections: tuple[Any, ...], names: tuple[str, ...] = SECTIONS) -> Block:
    """Return the block of a head, given its sections in the order of `names`."""
    return Block(head.logs, {name: bytes(section) for name, section in zip(names, sections, strict=True)})


def parts(rows: Rows, most: int) -> Iterator[Rows]:
    """Yield the rows in parts of at most `most`."""
    for start in range(0, len(rows), most):
        yield rows.chosen(np.arange(start, min(start + most, len(rows))))


def _moments(sent: bytes) -> Ints:
    return _big(sent) + _EPOCH_2000


def _big(sent: bytes) -> Ints:
    return np.frombuffer(sent, ">i8").astype(np.int64)
