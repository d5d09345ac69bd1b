"""How many logs there are, by minute, level and scope: merged and proved. `logs.search.histogram` reads them.

Ingest and retention write a log and its count in one transaction, so a comparison by one snapshot sees them
equal at any moment. Logs that are written by other means (raw SQL) are counted by `repair`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from accounts.queries import all_org_ids
from logs.storage.blocks.minutes import minutes_of_blocks
from logs.storage.partitions import EARLIEST, LATEST
from pulseops.core.db.distribution import Containment, is_worker_away

MINUTE = timedelta(minutes=1)
_MINUTES_AT_ONCE = 2_000

# The new rows are written by a statement of their own: on Citus one that inserts what it deletes goes to all workers.
_TAKE = f"""
    WITH due AS (
        SELECT DISTINCT minute FROM log_counts WHERE org_id = %(org)s AND NOT is_merged LIMIT {_MINUTES_AT_ONCE}
    ),
    taken AS (
        DELETE FROM log_counts WHERE org_id = %(org)s AND minute IN (SELECT minute FROM due)
        RETURNING minute, service_id, environment_id, level, count
    )
    SELECT minute, service_id, environment_id, level, sum(count)::bigint, count(*) FROM taken GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - made of the constant above
# Rows and counts of an organisation by one snapshot, whichever engine: grouped by organisation first, a statement that
# is sent to shards goes to each of them whole. What a batch adds meanwhile is on neither side.
_DIFFERENCES = """
    SELECT org_id, sum(stored)::bigint,
           array_agg(minute) FILTER (WHERE stored <> counted), array_agg(service_id) FILTER (WHERE stored <> counted),
           array_agg(environment_id) FILTER (WHERE stored <> counted),
           array_agg(level) FILTER (WHERE stored <> counted),
           array_agg((counted - stored)::bigint) FILTER (WHERE stored <> counted)
    FROM (
        SELECT org_id, minute, service_id, environment_id, level, sum(stored) AS stored, sum(counted) AS counted
        FROM (
            SELECT org_id, date_trunc('minute', ts) AS minute, service_id, environment_id, level,
                   count(*) AS stored, 0 AS counted
            FROM logs WHERE ts >= %(start)s AND ts < %(end)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s::uuid)
            GROUP BY 1, 2, 3, 4, 5
            UNION ALL
            SELECT org_id, minute, service_id, environment_id, level, 0, sum(count) FROM log_counts
            WHERE minute >= %(start)s AND minute < %(end)s AND (%(org)s::uuid IS NULL OR org_id = %(org)s::uuid)
            GROUP BY 1, 2, 3, 4, 5
        ) sides
        GROUP BY 1, 2, 3, 4, 5
    ) minutes
    GROUP BY 1
"""
# The rows of some minutes, and which counts stand for them in the same snapshot: those and no others are replaced.
_RECOUNT = """
    SELECT minute, logs.service_id, logs.environment_id, logs.level, count(*), NULL::bigint
    FROM unnest(%(minutes)s::timestamptz[]) AS minute
    JOIN logs ON logs.org_id = %(org)s AND logs.ts >= minute AND logs.ts < minute + interval '1 minute'
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT minute, service_id, environment_id, level, 0, id FROM log_counts
    WHERE org_id = %(org)s AND minute = ANY(%(minutes)s::timestamptz[])
"""
_INSERT = "COPY log_counts (org_id, minute, service_id, environment_id, level, count, is_merged) FROM STDIN"
_DELETE = "DELETE FROM log_counts WHERE org_id = %s AND minute = ANY(%s) AND id = ANY(%s)"
_Place = tuple[datetime, UUID | None, UUID | None, str]  # minute, service, environment, level


@dataclass(frozen=True, slots=True)
class RollupCheck:
    """What a check found: how many logs were counted anew, and how many minutes of organisations had been wrong."""

    logs: int
    wrong_minutes: int


def merge() -> dict[str, int]:
    """Make one row of all rows that say the same of the same minute; returns how many rows became how many."""
    totals, contained = [0, 0], Containment()
    for org_id in _orgs_to_merge():
        minutes = _MINUTES_AT_ONCE
        with contained.each():
            while minutes == _MINUTES_AT_ONCE:
                taken, merged, minutes = _merge_some(org_id)
                totals[0] += taken
                totals[1] += merged
    contained.raise_failure()
    return {"from": totals[0], "to": totals[1]}


def _orgs_to_merge() -> list[UUID]:
    """Return the organisations that may have counts to merge: all of them where a worker does not say."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT org_id FROM log_counts WHERE NOT is_merged")
            return [row[0] for row in cursor.fetchall()]
    except DatabaseError as error:
        if not is_worker_away(error):
            raise
        return all_org_ids()


def repair_each(start: datetime, end: datetime, contained: Containment) -> RollupCheck:
    """As `repair` of all organisations; where a worker is away, of each one that it does not have."""
    try:
        return repair(start, end)
    except DatabaseError as error:
        if not is_worker_away(error):
            raise
    logs = wrong = 0
    for org_id in all_org_ids():
        with contained.each():
            checked = repair(start, end, org_id=org_id)
            logs, wrong = logs + checked.logs, wrong + checked.wrong_minutes
    return RollupCheck(logs, wrong)


def repair(start: datetime = EARLIEST, end: datetime = LATEST, *, org_id: UUID | None = None) -> RollupCheck:
    """Compare the counts of [start, end), whole minutes, with the rows, and put right what differs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        # What is sealed was counted before: no block comes or goes while the lock is held.
        sealed = _sealed(start, end, org_id)
        cursor.execute(_DIFFERENCES, {"org": org_id, "start": start, "end": end})
        rows = cursor.fetchall()
        logs = sum(row[1] for row in rows) + sum(sum(places.values()) for places in sealed.values())
        wrong = 0
        for org in {row[0] for row in rows} | sealed.keys():
            minutes = _wrong_minutes([row[2:] for row in rows if row[0] == org], sealed.get(org, Counter()))
            wrong += len(minutes)
            for at in range(0, len(minutes), _MINUTES_AT_ONCE):
                _recount(org, minutes[at : at + _MINUTES_AT_ONCE], sealed.get(org, Counter()))
    return RollupCheck(logs, wrong)


def _sealed(start: datetime, end: datetime, org_id: UUID | None) -> dict[UUID, Counter[_Place]]:
    """Return how many sealed logs each organisation has by minute, place and level."""
    result: defaultdict[UUID, Counter[_Place]] = defaultdict(Counter)
    columns = minutes_of_blocks(start, end, org_id)
    names = ("orgs", "minutes", "services", "environments", "levels", "numbers")
    for org, minute, service, environment, level, number in zip(*(columns[name] for name in names), strict=True):
        result[org][minute, service, environment, level] += number
    return result


def _wrong_minutes(differences: Sequence[tuple[Any, ...]], sealed: Counter[_Place]) -> list[datetime]:
    """Return the minutes where rows and blocks together are not what was counted; `differences` are of rows alone."""
    surplus = Counter[_Place]()
    for columns in differences:
        if columns[0] is not None:  # nothing differs
            *place, numbers = columns
            surplus.update(dict(zip(zip(*place, strict=True), numbers, strict=True)))
    places = surplus.keys() | sealed.keys()
    return sorted({place[0] for place in places if surplus[place] != sealed[place]})


def _recount(org_id: UUID, minutes: list[datetime], sealed: Counter[_Place]) -> None:
    """Count some minutes of an organisation anew."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, {"org": org_id, "minutes": minutes})
        rows = cursor.fetchall()
        cursor.execute(_DELETE, [org_id, minutes, [row[5] for row in rows if row[5] is not None]])
    counts = Counter({tuple(row[:4]): row[4] for row in rows if row[4]})
    counts.update({place: number for place, number in sealed.items() if place[0] in set(minutes)})
    _insert(org_id, counts)


def _insert(org_id: UUID, counts: Mapping[_Place, int]) -> None:
    """Write counts by COPY, as they may be those of weeks."""
    with connection.cursor() as cursor, cursor.copy(_INSERT) as copy:
        for place, number in counts.items():
            copy.write_row((org_id, *place, number, True))


def _merge_some(org_id: UUID) -> tuple[int, int, int]:
    """Merge some minutes of an organisation; returns how many rows became how many, and how many minutes those were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        cursor.execute(_TAKE, {"org": org_id})
        rows = cursor.fetchall()
        _insert(org_id, {tuple(row[:4]): row[4] for row in rows})
    return sum(row[5] for row in rows), len(rows), len({row[0] for row in rows})
