"""How old the evaluation of the rules is: for each organisation on pages, and of all for `/readyz` and a banner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, Count, Min, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, Now

from accounts.models import Org
from alerts.models import AlertEvaluation, AlertRule
from pulseops.core.web.health import EVALUATION, WORKER_SILENT_AFTER, beat

_FIELDS = ("org_id", "org__name", "rules", "problems", "evaluated_at", "seconds", "now")  # in the order of Lag
QUICK_SECONDS = 0.25  # what the last turn took, at most, of organisations whose rules are quick


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one organisation's enabled rules: as of when all were evaluated, and how many have a problem.

    `seconds` is what the last turn took; `now` is by the same clock.
    """

    org_id: UUID
    name: str
    rules: int
    problems: int
    evaluated_at: datetime
    seconds: float
    now: datetime

    @property
    def age(self) -> timedelta:
        """How old the evaluation is."""
        return max(self.now - self.evaluated_at, timedelta())

    @property
    def is_late(self) -> bool:
        """Whether it is older than two periods of the slowest that evaluates, the worker."""
        return self.age > WORKER_SILENT_AFTER


def note_oldest_turn() -> None:
    """Write down when the organisation that waits longest had its last turn; `/readyz` reads it.

    It is one whose rules are quick: who has slow ones waits for its turn, and no one else need know.
    """
    turns = AlertEvaluation.objects.filter(org=OuterRef("org"))
    waiting = (
        _rules_on()
        .values("org_id")
        .annotate(
            turn_at=Coalesce(Subquery(turns.values("turn_at")), Min("created_at")),
            seconds=Coalesce(Subquery(turns.values("seconds")), 0.0),
        )
        .filter(seconds__lt=QUICK_SECONDS)
        .order_by("turn_at")
    )
    beat(EVALUATION, at=waiting.values_list("turn_at", flat=True).first())


def _rules_on() -> QuerySet[AlertRule]:
    """Return the rules that are evaluated at all."""
    return AlertRule.objects.filter(enabled=True, org__isnull=False, org__suspended_at=None).order_by()


def lag_of(org: Org) -> Lag | None:
    """Return the organisation's lag, None when it has no rule that is on; one query."""
    return next(iter(_lags(_rules_on().filter(org=org), 1)), None)


def oldest_lags(most: int, org: Org | None = None) -> list[Lag]:
    """Return the lags of the organisations that wait longest, that of `org` before all others; one query."""
    return _lags(_rules_on(), most, org)


def _lags(rules: QuerySet[AlertRule], most: int, first: Org | None = None) -> list[Lag]:
    turns = AlertEvaluation.objects.filter(org=OuterRef("org"))
    rows = (
        rules.values("org_id", "org__name")
        .annotate(
            rules=Count("pk"),
            problems=Count("problem"),
            evaluated_at=Coalesce(Subquery(turns.values("evaluated_at")), Min("created_at")),
            seconds=Coalesce(Subquery(turns.values("seconds")), 0.0),
            now=Now(),
        )
        .order_by(Case(When(org=first, then=0), default=1), "evaluated_at", "org_id")
    )
    return [Lag(*row) for row in rows.values_list(*_FIELDS)[:most]]
