"""Deleting many logs: in batches of whole minutes, oldest first, each a short transaction with its counts.

A killed run leaves nothing half done and the next one goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Org
from logs.models import LogCount
from logs.storage.blocks.delete import delete_sealed, has_blocks
from logs.storage.blocks.table import Place
from logs.storage.partitions import Partition, partitions
from logs.storage.rollup import MINUTE
from pulseops.core.db.answer_timeout import HOURS, answers_may_take
from pulseops.core.db.row_security import outside_the_wall
from services.models import Environment, Service
from services.queries import services_of

BATCH = 200_000  # rows in one transaction, or the logs of one minute where that has more; some tenths of a second
_AHEAD = timedelta(days=2)  # of now: later than any log that ingest takes

_OLDEST = """
    SELECT ts FROM logs
    WHERE org_id = %(org)s AND service_id = %(service)s AND environment_id {environment}
        AND ts >= %(after)s AND ts < %(before)s
    ORDER BY ts LIMIT 1 OFFSET %(offset)s
"""
# One snapshot for both: a batch that commits meanwhile keeps its logs and its counts.
_DELETE = """
    WITH gone AS (
        DELETE FROM logs
        WHERE org_id = %(org)s AND service_id = %(service)s AND environment_id {environment}
            AND ts >= %(start)s AND ts < %(end)s
        RETURNING 1
    ),
    uncounted AS (
        DELETE FROM log_counts
        WHERE org_id = %(org)s AND service_id = %(service)s AND environment_id {environment}
            AND minute >= %(counted)s AND minute < %(end)s
    )
    SELECT count(*) FROM gone
"""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def delete_logs(
    *, org_id: UUID, service_id: UUID, environment_id: UUID | None, before: datetime, batch: int = BATCH
) -> Iterator[tuple[datetime, datetime, int]]:
    """Delete the logs of a service's environment (None: those without one) before a whole minute.

    `batch` is how many rows go in one transaction, about. Gives the span and the number of rows of each, once it is
    committed.
    """
    is_same = "IS NULL" if environment_id is None else "= %(environment)s"
    values: dict[str, Any] = {"org": org_id, "service": service_id, "environment": environment_id}
    place = Place(org_id, service_id, environment_id)
    reached = _EARLIEST  # what was deleted lately is still in the way of the one who looks from the beginning
    while (first := _oldest(is_same, {**values, "after": reached, "before": before, "offset": 0})) is not None:
        last = _oldest(is_same, {**values, "after": first, "before": before, "offset": batch})
        start, end = whole_minute(first), before if last is None else whole_minute(last)
        reached = end = max(end, start + MINUTE)
        yield start, end, _delete_until(is_same, values, start, end)
    if has_blocks(place, before):
        yield reached, before, _delete_until(is_same, values, reached, before)


def _delete_until(is_same: str, values: dict[str, Any], start: datetime, end: datetime) -> int:
    """Delete the rows of [start, end), whole minutes, what is sealed before `end`, and the counts of both.

    One transaction; returns how many logs that were.
    """
    place = Place(values["org"], values["service"], values["environment"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT lock_moving_of_logs()")
        sealed = delete_sealed(place, end)
        counted = _EARLIEST if sealed else start
        cursor.execute(_DELETE.format(environment=is_same), {**values, "start": start, "end": end, "counted": counted})
        (rows,) = cursor.fetchone()
    return int(rows) + sealed


def empty(scope: Org | Service | Environment, until: float | None = None) -> bool:
    """Delete the logs of what is about to be deleted itself, as long as the monotonic clock is before `until`.

    Returns whether so few are left that the database may take them along with `scope` in one go. What was deleted is
    vacuumed away, or that one go would have to walk over all of it.
    """
    with outside_the_wall("pages may not delete logs; what goes is in a scope that its caller found"):
        return _empty(scope, until)


def _empty(scope: Org | Service | Environment, until: float | None) -> bool:
    touched: list[tuple[datetime, datetime]] = []
    before = whole_minute(timezone.now() + _AHEAD)
    for service, environment_id in _places(scope) if _counted(scope) > BATCH else ():
        batches = delete_logs(
            org_id=service.org_id, service_id=service.pk, environment_id=environment_id, before=before, batch=BATCH
        )
        for start, end, _ in batches:
            touched.append((start, end))
            if until is not None and time.monotonic() >= until:
                return False
    if not connection.in_atomic_block:
        _vacuum(touched)
    return True


def partitions_of(spans: Sequence[tuple[datetime, datetime]]) -> list[Partition]:
    """Return the partitions that have some of the spans."""
    return [each for each in partitions() if any(start < each.end and end > each.start for start, end in spans)]


def whole_minute(moment: datetime) -> datetime:
    """Return the beginning of the minute of `moment`."""
    return moment.replace(second=0, microsecond=0)


def _places(scope: Org | Service | Environment) -> Iterator[tuple[Service, UUID | None]]:
    if isinstance(scope, Environment):
        yield scope.service, scope.pk
        return
    services = services_of(scope) if isinstance(scope, Org) else [scope]
    for service in services:
        for environment_id in service.environments.values_list("pk", flat=True):
            yield service, environment_id
        yield service, None


def _counted(scope: Org | Service | Environment) -> int:
    column = {Org: "org", Service: "service", Environment: "environment"}[type(scope)]
    org_id = {"org_id": scope.pk} if isinstance(scope, Org) else {"org_id": _org_id(scope), column: scope}
    return LogCount.objects.filter(**org_id).aggregate(logs=Sum("count"))["logs"] or 0


def _org_id(scope: Service | Environment) -> UUID:
    return scope.org_id if isinstance(scope, Service) else scope.service.org_id


def _vacuum(spans: Sequence[tuple[datetime, datetime]]) -> None:
    for partition in partitions_of(spans):
        with (
            answers_may_take(HOURS),
            connection.cursor() as cursor,
        ):  # a partition that is just being sealed is vacuumed by that
            cursor.execute(f'VACUUM (SKIP_LOCKED) "{partition.name}"')


def _oldest(is_same: str, values: dict[str, Any]) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST.format(environment=is_same), values)
        row = cursor.fetchone()
    return row[0] if row else None
