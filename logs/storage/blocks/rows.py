"""Logs between the table `logs` and a block: taken out of the one for the other, and written back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection

from logs.storage.blocks.arrays import Ints, np
from logs.storage.blocks.codec import LEVELS, Block, Rows
from logs.storage.blocks.table import SECTIONS, Head, Place, moment_of

BLOCK_LOGS = 2_000  # of a full block
BLOCK_BYTES = 8 * 1024 * 1024  # of text, from which on fewer logs fill one
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)  # of a log that can be addressed, see logs/cursor.py
_EPOCH_2000 = 946_684_800_000_000  # µs: PostgreSQL counts from there

# JSON that lies compressed says nothing of its length until it is unpacked; most does not.
_SIZE = """octet_length(message) + CASE WHEN meta_json IS NULL THEN 0
    WHEN pg_column_compression(meta_json) IS NULL THEN pg_column_size(meta_json)
    ELSE octet_length(meta_json::text) END"""
_NEXT = f"""
    WITH oldest AS MATERIALIZED (
        SELECT ts, id, {_SIZE} AS size FROM logs
        WHERE {{place}} AND ts >= %s AND ts < %s AND (ts, id) > (%s, %s) AND created_at >= %s AND created_at < %s
        ORDER BY ts, id LIMIT %s
    ), summed AS (
        SELECT ts, id, sum(size) OVER (ORDER BY ts, id) AS sum, row_number() OVER (ORDER BY ts, id) AS number
        FROM oldest
    )
    SELECT ts, id, number, (SELECT count(*) FROM oldest) FROM summed
    WHERE sum <= %s OR number = 1 ORDER BY number DESC LIMIT 1
"""  # noqa: S608 - made of constants
_TAKE = """
    WITH taken AS (
        DELETE FROM logs WHERE {place} AND ts >= %s AND ts <= %s AND (ts, id) > (%s, %s) AND (ts, id) <= (%s, %s)
            AND created_at >= %s AND created_at < %s
        RETURNING ts, created_at, id, level, message, meta_json, trace_id, request_id
    ), sorted AS (SELECT * FROM taken ORDER BY ts, id)
    SELECT string_agg(timestamptz_send(ts), ''::bytea), string_agg(timestamptz_send(created_at), ''::bytea),
        string_agg(int8send(id), ''::bytea), string_agg(left(level, 1), ''), array_agg(message),
        array_agg(meta_json::text), array_agg(trace_id), array_agg(request_id)
    FROM sorted
"""
_WRITE = """
    INSERT INTO logs (org_id, service_id, environment_id, ts, created_at, id, level, message, meta_json,
        trace_id, request_id)
    SELECT %s, %s, %s, log.* FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[],
        %s::jsonb[], %s::text[], %s::text[]) AS log
"""
_LEVEL_OF = {level[0]: number for number, level in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Logs of a place with `start` <= ts < `end`, behind (`start`, `after`), that were received before `received`."""

    place: Place
    start: datetime
    end: datetime
    received: datetime
    after: int = -(2**63)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The oldest logs of a stretch, up to the one at (`ts`, `id`); `is_full` when a block has no room for more."""

    stretch: Stretch
    ts: datetime
    id: int
    logs: int
    is_full: bool


def next_chunk(stretch: Stretch, most: int = BLOCK_LOGS) -> Chunk | None:
    """Return the oldest logs of the stretch that fit into a block together; None where it has none."""
    condition = stretch.place.condition
    values = [
        *condition.params, stretch.start, stretch.end, stretch.start, stretch.after, EARLIEST, stretch.received,
        most, BLOCK_BYTES,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_NEXT.format(place=condition.sql), values)
        row = cursor.fetchone()
    if row is None:
        return None
    ts, id_, number, found = row
    return Chunk(stretch, ts, id_, number, is_full=number == most or number < found)


def take(chunk: Chunk) -> Rows | None:
    """Delete a chunk's logs from `logs` and return them, sorted; None where they have gone. Within a transaction."""
    stretch, condition = chunk.stretch, chunk.stretch.place.condition
    values = [
        *condition.params, stretch.start, chunk.ts, stretch.start, stretch.after, chunk.ts, chunk.id,
        EARLIEST, stretch.received,
    ]  # fmt: skip
    connection.ensure_connection()
    session: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(session) as cursor:  # Django's own give no binary results
        row = cursor.execute(_TAKE.format(place=condition.sql), values, binary=True).fetchone()
    if row is None or row[0] is None:
        return None
    ts, received, ids, levels, messages, metas, traces, requests = row
    numbers = np.frombuffer(bytes(map(_LEVEL_OF.__getitem__, levels)), np.uint8)
    return Rows(_moments(ts), _moments(received), _big(ids), numbers, messages, metas, traces, requests)


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
