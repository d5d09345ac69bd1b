"""The comparison on a deployment's page, and the change in errors in the lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Org
from deployments.models import Deployment
from deployments.timeline import mark_of
from logs.message_patterns import longest_literal
from logs.search.session import patiently
from logs.search.slots import SearchBusyError
from pulseops.comparison import counts
from pulseops.comparison.counts import LIST_WINDOW, scope_of
from pulseops.comparison.patterns import PatternChange, pattern_changes
from pulseops.comparison.significance import is_clear_change
from pulseops.comparison.verdict import Side, caveats, verdict
from pulseops.comparison.windows import CHOICES, DEFAULT, Windows, windows_of
from pulseops.core.budget import TimeBudget
from pulseops.core.db.statement_timeout import BoundedQueryError, QueryTimeoutError
from pulseops.core.extensions import ErrorChange, Panel
from pulseops.core.ui.chart_axes import nice_ceiling
from pulseops.core.ui.chart_marks import Marker, markers_of
from pulseops.core.ui.charts import Bucket, Chart, stacked_histogram
from services.links import explorer_url

_BUCKETS = 30  # bars in each histogram
_SETTLED_AFTER = timedelta(minutes=5)  # late lines are in by then
_REMEMBERED = 10_000  # deployments
_settled: dict[tuple[int, datetime], ErrorChange] = {}


@dataclass(frozen=True, slots=True)
class Choice:
    """A window to choose."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PatternRow:
    """A pattern as the table shows it."""

    kind: str
    tone: str
    change: PatternChange
    url: str


def comparison_panel(request: HttpRequest, deployment: Deployment) -> Panel:
    """Compare the errors before and after `deployment`, in the window that `?window=` names."""
    name = request.GET.get("window", DEFAULT)
    name = name if name in CHOICES else DEFAULT
    context: dict[str, Any] = {
        "choices": [Choice(each, f"?window={each}#comparison", each == name) for each in CHOICES],
    }
    try:
        windows = windows_of(deployment, CHOICES[name])
        compare = partial(_comparison, deployment, windows)
        context |= patiently(deployment.org_id, compare, settings.COMPARISON_SECONDS)
    except SearchBusyError:
        context["is_busy"] = True
    except BoundedQueryError:
        context["is_too_slow"] = True
    return Panel("Errors before and after", "comparison/_panel.html", context, anchor="comparison")


def _comparison(deployment: Deployment, windows: Windows, seconds: float) -> dict[str, Any]:
    scope, step = scope_of(deployment), windows.length / _BUCKETS
    budget = TimeBudget(seconds)
    errors = counts.errors_by_step(scope, windows, step, budget)
    lines_before, lines_after = counts.lines(scope, windows, budget)
    patterns = pattern_changes(scope, windows, budget)
    if patterns.is_cut_short and seconds < settings.COMPARISON_SECONDS:
        raise QueryTimeoutError
    before = Side(_sum(errors, -_BUCKETS, 0), lines_before, windows.length.total_seconds())
    after = Side(_sum(errors, 0, _BUCKETS), lines_after, windows.after.total_seconds())
    top = nice_ceiling(max([1, *errors.values()]))
    markers = markers_of(mark_of(each) for each in windows.nearby)
    return {
        "windows": windows,
        "before": before,
        "after": after,
        "before_chart": _chart(errors, -_BUCKETS, windows.pivot, step, top, markers),
        "after_chart": _chart(errors, 0, windows.pivot, step, top, markers),
        "before_url": _errors_url(deployment, windows.start, windows.pivot),
        "after_url": _errors_url(deployment, windows.pivot, windows.end),
        "verdict": verdict(before, after, patterns),
        "caveats": caveats(deployment, windows, before, after, patterns),
        "rows": [
            *(_row("new", "error", each, deployment, windows) for each in patterns.new),
            *(_row("grown", "warn", each, deployment, windows) for each in patterns.grown),
            *(_row("gone", "ok", each, deployment, windows) for each in patterns.gone),
        ],
        "unchanged": patterns.unchanged,
    }


def _sum(errors: dict[int, int], first: int, end: int) -> int:
    return sum(count for number, count in errors.items() if first <= number < end)


def _chart(
    errors: dict[int, int], first: int, pivot: datetime, step: timedelta, top: int, markers: Sequence[Marker]
) -> Chart:
    buckets = [
        Bucket(pivot + step * number, pivot + step * (number + 1), {"error": errors.get(number, 0)})
        for number in range(first, first + _BUCKETS)
    ]
    return stacked_histogram(buckets, top_count=top, markers=markers)


def _errors_url(deployment: Deployment, since: datetime, until: datetime, words: str = "") -> str:
    words = f"level:error {words}".rstrip()
    return explorer_url(deployment.service, deployment.environment, words=words, since=since, until=until)


def _row(kind: str, tone: str, change: PatternChange, deployment: Deployment, windows: Windows) -> PatternRow:
    literal = longest_literal(change.pattern).replace('"', "")
    until = windows.pivot if kind == "gone" else windows.end
    since = windows.start if kind != "new" else windows.pivot
    return PatternRow(kind, tone, change, _errors_url(deployment, since, until, f'"{literal}"' if literal else ""))


def error_changes(org: Org, deployments: Sequence[Deployment]) -> dict[int, ErrorChange]:
    """Return what each deployment did to the errors, for the lanes; what is settled is remembered in this process."""
    missing = [each for each in deployments if (each.pk, each.deployed_at) not in _settled]
    around = counts.errors_around(org, missing) if missing else {}
    fresh = {key: _change(*both) for key, both in around.items()}
    _remember(missing, fresh)
    known = {each.pk: _settled.get((each.pk, each.deployed_at)) for each in deployments}
    return {key: change for key in known if (change := fresh.get(key) or known[key])}


def _change(before: int, after: int) -> ErrorChange:
    return ErrorChange(before, after, is_clear_change(before, 1, after, 1))


def _remember(deployments: Sequence[Deployment], changes: dict[int, ErrorChange]) -> None:
    if len(_settled) > _REMEMBERED:
        _settled.clear()
    settled = timezone.now() - LIST_WINDOW - _SETTLED_AFTER
    for each in deployments:
        if each.pk in changes and each.deployed_at < settled:
            _settled[each.pk, each.deployed_at] = changes[each.pk]
