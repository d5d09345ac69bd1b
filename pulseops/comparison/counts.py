"""What is read of the logs: bounded in rows and in time, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accounts.models import Org
from deployments.models import Deployment
from pulseops.comparison.message_patterns import MESSAGE_READ
from pulseops.comparison.windows import Windows
from pulseops.core.db.statement_timeout import fetch_within

MOST_LINES = 200_000  # counted of a window's logs, whatever their level
MOST_MESSAGES = 5_000  # errors read for patterns on each side, those nearest to the deployment
LIST_WINDOW = timedelta(minutes=30)
_SECONDS = 3.0  # that a statement may take; raises QueryTimeoutError then


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose logs are read."""

    org_id: Any
    service_id: Any
    environment_id: Any

    @classmethod
    def of(cls, deployment: Deployment) -> Scope:
        """Return where `deployment` went."""
        return cls(deployment.org_id, deployment.service_id, deployment.environment_id)

    @property
    def values(self) -> list[Any]:
        """In the order of the statements' parameters."""
        return [self.org_id, self.service_id, self.environment_id]


_SCOPE = "org_id = %s AND service_id = %s AND environment_id = %s AND ts >= %s AND ts < %s"
_ERRORS = f"""
SELECT floor(extract(epoch FROM ts - %s) / %s)::int AS step, count(*)
FROM logs WHERE {_SCOPE} AND level = 'error' GROUP BY step
"""  # noqa: S608 - made of the constant above
_LINES = f"""
SELECT (SELECT count(*) FROM (SELECT 1 FROM logs WHERE {_SCOPE} LIMIT %s) AS before),
       (SELECT count(*) FROM (SELECT 1 FROM logs WHERE {_SCOPE} LIMIT %s) AS after)
"""  # noqa: S608
# Both sides read away from the deployment: backward before it, forward after it.
_MESSAGES = f"""
(SELECT left(message, %s), ts FROM logs WHERE {_SCOPE} AND level = 'error' ORDER BY ts DESC LIMIT %s)
UNION ALL
(SELECT left(message, %s), ts FROM logs WHERE {_SCOPE} AND level = 'error' ORDER BY ts LIMIT %s)
"""  # noqa: S608
# The hour around each deployment, exactly: whole minutes from their counts, and from the logs only the three minutes
# that the hour's ends and the deployment itself cut in two. So it hardly takes longer in a flood of errors.
_AROUND = """
WITH asked AS (
    SELECT id, service_id, environment_id, at, at - %s AS since, at + %s AS until
    FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::timestamptz[]) AS given (id, service_id, environment_id, at)
)
SELECT asked.id, whole.before + cut.before, whole.after + cut.after
FROM asked
CROSS JOIN LATERAL (
    SELECT coalesce(sum(count) FILTER (WHERE minute < asked.at), 0)::bigint AS before,
        coalesce(sum(count) FILTER (WHERE minute > asked.at), 0)::bigint AS after
    FROM log_counts
    WHERE org_id = %s AND service_id = asked.service_id AND environment_id = asked.environment_id AND level = 'error'
        AND minute > asked.since AND minute < date_trunc('minute', asked.until)
        AND minute <> date_trunc('minute', asked.at)
) AS whole
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE ts < asked.at) AS before, count(*) FILTER (WHERE ts >= asked.at) AS after
    FROM (VALUES (asked.since, date_trunc('minute', asked.since) + interval '1 minute'),
        (date_trunc('minute', asked.at), date_trunc('minute', asked.at) + interval '1 minute'),
        (date_trunc('minute', asked.until), asked.until)) AS edge (start, ending)
    CROSS JOIN LATERAL (
        SELECT ts FROM logs
        WHERE org_id = %s AND service_id = asked.service_id AND environment_id = asked.environment_id
            AND level = 'error' AND ts >= edge.start AND ts < edge.ending
    ) AS found
) AS cut
"""


def errors_by_step(scope: Scope, windows: Windows, step: timedelta) -> dict[int, int]:
    """Count the errors by steps from the pivot: number of the step, negative before it → count; no empty steps."""
    parameters = [windows.pivot, step.total_seconds(), *scope.values, windows.start, windows.end]
    return dict(_rows(_ERRORS, parameters))


def lines(scope: Scope, windows: Windows) -> tuple[int, int]:
    """Count all logs before and after, at most MOST_LINES each."""
    before = [*scope.values, windows.start, windows.pivot, MOST_LINES]
    after = [*scope.values, windows.pivot, windows.end, MOST_LINES]
    ((in_before, in_after),) = _rows(_LINES, before + after)
    return in_before, in_after


def error_messages(scope: Scope, windows: Windows) -> list[tuple[str, datetime]]:
    """Return (the beginning of the message, time) of at most MOST_MESSAGES errors on each side."""
    before = [MESSAGE_READ, *scope.values, windows.start, windows.pivot, MOST_MESSAGES]
    after = [MESSAGE_READ, *scope.values, windows.pivot, windows.end, MOST_MESSAGES]
    return list(_rows(_MESSAGES, before + after))


def errors_around(org: Org, deployments: Iterable[Deployment]) -> dict[int, tuple[int, int]]:
    """Return deployment id → errors in the LIST_WINDOW before it and after it; one statement for all."""
    asked = list(deployments)
    values: list[Any] = [
        LIST_WINDOW,
        LIST_WINDOW,
        [each.pk for each in asked],
        [each.service_id for each in asked],
        [each.environment_id for each in asked],
        [each.deployed_at for each in asked],
        org.pk,
        org.pk,
    ]
    with connection.cursor() as cursor:  # from the roll-up and a few minutes: it needs no bound
        cursor.execute(_AROUND, values)
        return {identifier: (before, after) for identifier, before, after in cursor.fetchall()}


def _rows(statement: str, parameters: Sequence[Any]) -> list[Any]:
    return fetch_within(_SECONDS, statement, parameters)
