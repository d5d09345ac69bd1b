"""How many logs there are, by minute, level and scope: merged and proved. `logs.search.histogram` reads them.

Ingest and retention write a log and its count in one transaction, so a comparison in one statement sees them
equal at any moment. Logs that are written by other means (raw SQL) are counted by `repair`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from logs.storage.blocks.minutes import minutes_of_blocks
from logs.storage.partitions import EARLIEST, LATEST

MINUTE = timedelta(minutes=1)
_MINUTES_AT_ONCE = 2_000

_MERGE = f"""
    WITH due AS (
        SELECT DISTINCT minute FROM log_counts WHERE org_id = %(org)s AND NOT is_merged LIMIT {_MINUTES_AT_ONCE}
    ),
    taken AS (
        DELETE FROM log_counts WHERE org_id = %(org)s AND minute IN (SELECT minute FROM due)
        RETURNING minute, service_id, environment_id, level, count
    ),
    merged AS (
        INSERT INTO log_counts (org_id, minute, service_id, environment_id, level, count, is_merged)
        SELECT %(org)s, minute, service_id, environment_id, level, sum(count), true FROM taken GROUP BY 2, 3, 4, 5
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM merged), (SELECT count(*) FROM due)
"""  # noqa: S608 - made of the constant above
# Both sides by the same snapshot; what a batch adds meanwhile is on neither. What is sealed was counted before: no
# block comes or goes while the lock is held.
_REPAIR = """
    WITH unsealed AS (
        SELECT org_id, date_trunc('minute', ts) AS minute, service_id, environment_id, level, count(*) AS number
        FROM logs WHERE ts >= %(start)s AND ts < %(end)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s::uuid)
        GROUP BY 1, 2, 3, 4, 5
    ),
    rows AS (
        SELECT org_id, minute, service_id, environment_id, level, sum(number)::bigint AS number FROM (
            SELECT * FROM unsealed UNION ALL
            SELECT * FROM unnest(%(orgs)s::uuid[], %(minutes)s::timestamptz[], %(services)s::uuid[],
                %(environments)s::uuid[], %(levels)s::text[], %(numbers)s::bigint[])
        ) every (org_id, minute, service_id, environment_id, level, number)
        GROUP BY 1, 2, 3, 4, 5
    ),
    sums AS (
        SELECT org_id, minute, service_id, environment_id, level, sum(count) AS number
        FROM log_counts
        WHERE minute >= %(start)s AND minute < %(end)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s::uuid)
        GROUP BY 1, 2, 3, 4, 5
    ),
    wrong AS (
        SELECT DISTINCT org_id, minute FROM (
            (SELECT * FROM rows EXCEPT SELECT * FROM sums) UNION ALL (SELECT * FROM sums EXCEPT SELECT * FROM rows)
        ) difference
    ),
    gone AS (
        DELETE FROM log_counts c USING wrong w WHERE c.org_id = w.org_id AND c.minute = w.minute
    ),
    written AS (
        INSERT INTO log_counts (org_id, minute, service_id, environment_id, level, count, is_merged)
        SELECT r.org_id, r.minute, r.service_id, r.environment_id, r.level, r.number, true
        FROM rows r JOIN wrong w ON w.org_id = r.org_id AND w.minute = r.minute
    )
    SELECT (SELECT count(*) FROM wrong), (SELECT coalesce(sum(number), 0) FROM rows)
"""


@dataclass(frozen=True, slots=True)
class RollupCheck:
    """What a check found: how many logs were counted anew, and how many minutes of organisations had been wrong."""

    logs: int
    wrong_minutes: int


def merge() -> dict[str, int]:
    """Make one row of all rows that say the same of the same minute; returns how many rows became how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT org_id FROM log_counts WHERE NOT is_merged")
        orgs = [row[0] for row in cursor.fetchall()]
    totals = [0, 0]
    for org_id in orgs:
        minutes = _MINUTES_AT_ONCE
        while minutes == _MINUTES_AT_ONCE:
            taken, merged, minutes = _merge_some(org_id)
            totals[0] += taken
            totals[1] += merged
    return {"from": totals[0], "to": totals[1]}


def repair(start: datetime = EARLIEST, end: datetime = LATEST, *, org_id: UUID | None = None) -> RollupCheck:
    """Compare the counts of [start, end), whole minutes, with the rows, and put right what differs."""
    values: dict[str, Any] = {"org": org_id, "start": start, "end": end}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        cursor.execute(_REPAIR, {**values, **minutes_of_blocks(start, end, org_id)})
        wrong, logs = cursor.fetchone()
    return RollupCheck(int(logs), wrong)


def _merge_some(org_id: UUID) -> tuple[int, int, int]:
    """Merge some minutes of an organisation; returns how many rows became how many, and how many minutes those were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        cursor.execute(_MERGE, {"org": org_id})
        row: tuple[int, int, int] = cursor.fetchone()
    return row
