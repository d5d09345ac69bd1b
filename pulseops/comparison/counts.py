"""What the comparison reads of the logs: bounded in rows and in time, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from accounts.models import Org
from deployments.models import Deployment
from logs import reading
from logs.message_patterns import MESSAGE_READ
from logs.reading import LogScope, Matching, Moment, Query, Sides
from pulseops.comparison.windows import Windows
from pulseops.core.budget import TimeBudget
from services.scopes import Scopes

MOST_LINES = 200_000  # counted of a window's logs, whatever their level
MOST_MESSAGES = 1_000  # errors read for patterns on each side, those nearest to the deployment
LIST_WINDOW = timedelta(minutes=30)
_SECONDS = 3.0  # that a statement may take at most, if the comparison has as much left


def scope_of(deployment: Deployment) -> LogScope:
    """Return where `deployment` went."""
    return LogScope(deployment.org_id, deployment.service_id, deployment.environment_id)


def errors_by_step(scope: LogScope, windows: Windows, step: timedelta, budget: TimeBudget) -> dict[int, int]:
    """Count the errors by steps from the pivot: number of the step, negative before it → count; no empty steps."""
    query = Query(scope.org_id, Scopes(()), windows.start, Matching("error"))
    bars = reading.count_bars(scope, query, windows.end, width=step, origin=windows.pivot, seconds=_seconds(budget))
    return {(start - windows.pivot) // step: count for start, count in bars.items()}


def lines(scope: LogScope, windows: Windows, budget: TimeBudget) -> tuple[int, int]:
    """Count all logs before and after, at most MOST_LINES each."""
    return reading.count_on_sides(scope, _sides(windows), most=MOST_LINES, seconds=_seconds(budget))


def error_messages(scope: LogScope, windows: Windows, budget: TimeBudget) -> list[tuple[str, datetime]]:
    """Return (the beginning of the message, time) of at most MOST_MESSAGES errors on each side."""
    sides = _sides(windows)
    return reading.error_messages(scope, sides, length=MESSAGE_READ, most=MOST_MESSAGES, seconds=_seconds(budget))


def errors_around(org: Org, deployments: Iterable[Deployment]) -> Mapping[int, tuple[int, int]]:
    """Return deployment id → errors in the LIST_WINDOW before it and after it; one statement for all."""
    moments = [Moment(each.pk, each.service_id, each.environment_id, each.deployed_at) for each in deployments]
    return reading.errors_around(org.pk, moments, LIST_WINDOW)


def _seconds(budget: TimeBudget) -> float:
    return min(_SECONDS, budget.left)


def _sides(windows: Windows) -> Sides:
    return Sides(windows.start, windows.pivot, windows.end)
