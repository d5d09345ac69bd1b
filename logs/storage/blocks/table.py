"""The table `log_blocks`: every statement that names it. Those that read name the organisation, by `BlockRange`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction

from logs.search.conditions import Condition
from logs.storage.blocks.arrays import np
from logs.storage.blocks.codec import LEVELS, Rows, encode
from pulseops.core.db.distribution import is_worker_away

log = logging.getLogger(__name__)
SECTIONS = ("narrow", "message", "meta", "trace", "request")
ID_SECTIONS = ("trace", "request")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = "id, service_id, environment_id, start_ts, end_ts, count, levels"
_INSERT = """
    INSERT INTO log_blocks (org_id, service_id, environment_id, start_ts, end_ts, received_from, received_to, count,
        levels, text_sig, part_sig, word_sig, id_sig, ranges, narrow, message, meta, trace, request, summary)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class Head(NamedTuple):
    """What is known of a block without opening it; `levels` counts its logs by level."""

    id: int
    service_id: UUID | None
    environment_id: UUID | None
    start_ts: datetime
    end_ts: datetime
    logs: int
    levels: list[int]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose logs a block holds: those of one environment; None where a log has none."""

    org_id: UUID
    service_id: UUID | None
    environment_id: UUID | None

    @property
    def condition(self) -> Condition:
        """The place on `logs` and `log_blocks`."""
        sql, params = "org_id = %s", [self.org_id]
        for column, value in (("service_id", self.service_id), ("environment_id", self.environment_id)):
            sql += f" AND {column} IS NULL" if value is None else f" AND {column} = %s"
            params += [] if value is None else [value]
        return Condition(sql, tuple(params))


@dataclass(frozen=True, slots=True)
class BlockRange:
    """Blocks of an organisation that may have logs of [start, end) of their own time, and meet `conditions`."""

    org_id: UUID
    start: datetime | None = None
    end: datetime | None = None
    conditions: tuple[Condition, ...] = field(default=())

    def where(self) -> tuple[str, list[Any]]:
        """Return it as SQL over `log_blocks`."""
        sql = "org_id = %s"
        params: list[Any] = [self.org_id]
        if self.start is not None:
            sql, params = f"{sql} AND end_ts >= %s", [*params, self.start]
        if self.end is not None:
            sql, params = f"{sql} AND start_ts < %s", [*params, self.end]
        for condition in self.conditions:
            if condition.sql:
                sql, params = f"{sql} AND ({condition.sql})", [*params, *condition.params]
        return sql, params

    def heads(self, *, is_oldest_first: bool = False, limit: int | None = None) -> tuple[str, list[Any]]:
        """Return the SQL for the heads, those that end last first, or those that begin first."""
        where, params = self.where()
        order = "start_ts, id" if is_oldest_first else "end_ts DESC, id DESC"
        sql = f"SELECT {_HEAD} FROM log_blocks WHERE {where} ORDER BY {order}"  # noqa: S608 - made of constants
        return (f"{sql} LIMIT %s", [*params, limit]) if limit is not None else (sql, params)

    def values(self, columns: str) -> tuple[str, list[Any]]:
        """Return the SQL for `columns`, which may be aggregates, of all these blocks."""
        where, params = self.where()
        return f"SELECT {columns} FROM log_blocks WHERE {where}", params  # noqa: S608

    def sections(
        self, names: Sequence[str], ids: Sequence[int], having_ids: Condition | None = None
    ) -> tuple[str, list[Any]]:
        """Return the SQL for the sections `names` of the blocks `ids`, each after its id.

        Where a block does not meet `having_ids`, those of trace and request ids are NULL: they are the largest.
        """
        assert set(names) <= set(SECTIONS)
        columns, params = ["id"], list[Any]()
        for name in names:
            if having_ids is not None and name in ID_SECTIONS:
                columns.append(f"CASE WHEN {having_ids.sql} THEN {name} END")
                params += having_ids.params
            else:
                columns.append(name)
        sql = f"SELECT {', '.join(columns)} FROM log_blocks WHERE org_id = %s AND id = ANY(%s)"  # noqa: S608
        return sql, [*params, self.org_id, list(ids)]

    def summaries(self, ids: Sequence[int]) -> tuple[str, list[Any]]:
        """Return the SQL for the summaries of the blocks `ids`, each after its id."""
        return "SELECT id, summary FROM log_blocks WHERE org_id = %s AND id = ANY(%s)", [self.org_id, list(ids)]


def insert_block(place: Place, rows: Rows) -> None:
    """Store rows of a place, sorted, as a block; raises TooLargeError."""
    sections = encode(rows)
    levels = np.bincount(rows.levels, minlength=len(LEVELS)).tolist()
    ranges = None if sections.ranges is None else json.dumps(sections.ranges)
    times = [rows.ts[0], rows.ts[-1], rows.received.min(), rows.received.max()]
    values = [
        place.org_id, place.service_id, place.environment_id, *map(moment_of, times), len(rows), levels,
        *sections.texts, sections.id_sig, ranges, *(getattr(sections, name) for name in SECTIONS),
        sections.summary,
    ]  # fmt: skip
    connection.ensure_connection()
    session: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(session) as cursor:  # Django's own would send bytes as text
        cursor.execute(_INSERT, values)


def delete_blocks(org_id: UUID, ids: Sequence[int]) -> None:
    """Delete these blocks of an organisation."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM log_blocks WHERE org_id = %s AND id = ANY(%s)", [org_id, list(ids)])


def delete_blocks_before(place: Place, before: datetime) -> int:
    """Delete the blocks of a place whose logs are all older than `before`; returns how many logs those were."""
    condition = place.condition
    sql = f"""WITH gone AS (DELETE FROM log_blocks WHERE {condition.sql} AND end_ts < %s RETURNING count)
    SELECT coalesce(sum(count), 0) FROM gone"""  # noqa: S608 - made of constants
    with connection.cursor() as cursor:
        cursor.execute(sql, [*condition.params, before])
        return int(cursor.fetchone()[0])


def note_damage(org_id: UUID, block_id: int, error: Exception) -> None:
    """Write down that a block cannot be read, in the log of the server and for diagnostics."""
    log.error("a block of logs is damaged", extra={"org_id": str(org_id), "block": block_id, "error": str(error)})
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT note_damaged_block(%s, %s)", [org_id, block_id])
    except DatabaseError:  # what is read goes on: the server's log has it
        log.exception("a damaged block could not be noted")


class Damage(NamedTuple):
    """Blocks of an organisation that could not be read: the times of their logs, since when it is known, some ids."""

    org_id: UUID
    blocks: int
    logs: int
    start_ts: datetime
    end_ts: datetime
    since: datetime
    ids: list[int]


def damage() -> list[Damage]:
    """Return what is known to be damaged, of all organisations, the latest first and at most 20 of them.

    Nothing where a worker of Citus is away.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT org_id, count(*), sum(count), min(start_ts), max(end_ts), min(damaged_at),
                    (array_agg(id ORDER BY id))[:5]
                FROM log_blocks WHERE damaged_at IS NOT NULL GROUP BY org_id ORDER BY max(damaged_at) DESC LIMIT 20"""
            )
            return [Damage(*row) for row in cursor.fetchall()]
    except DatabaseError as error:
        if not is_worker_away(error):
            raise
        return []


def has_blocks_between(start: datetime, end: datetime) -> bool:
    """Return whether any organisation's block may have logs of [start, end)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM log_blocks WHERE end_ts >= %s AND start_ts < %s)", [start, end])
        return bool(cursor.fetchone()[0])


def orgs_with_blocks() -> list[UUID]:
    """Return the organisations that have anything sealed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT org_id FROM log_blocks")
        return [org_id for (org_id,) in cursor.fetchall()]


def moment_of(microseconds: Any) -> datetime:
    """Return the time that is so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=int(microseconds))


def microseconds_of(moment: datetime) -> int:
    """Return the microseconds since 1970 of an aware time."""
    return (moment - EPOCH) // timedelta(microseconds=1)
