"""Whose turn it is: organisations that wait longest come first, and within one the rules that do.

Each turn leaves a row (`AlertEvaluation`), so the order holds whichever process evaluates next, and pages can tell how
old an organisation's last evaluation is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, UUIDField

from alerts.models import AlertEvaluation, AlertRule
from pulseops.core.db.compiled_rows import AnyOf, CompiledRows, Parameter

# Where the round ends it began at `round_at`, or with this turn; it is the age of what was evaluated first in it.
_END = """
INSERT INTO alert_evaluations AS e (org_id, turn_at, evaluated_at, round_at, next_rule, seconds)
VALUES (%(org)s, %(now)s, CASE WHEN %(next)s::bigint IS NULL THEN %(now)s END,
    CASE WHEN %(next)s::bigint IS NULL THEN NULL ELSE %(now)s END, %(next)s, %(seconds)s)
ON CONFLICT (org_id) DO UPDATE SET
    turn_at = greatest(e.turn_at, excluded.turn_at),
    evaluated_at = CASE WHEN excluded.next_rule IS NULL THEN coalesce(e.round_at, excluded.turn_at)
                        ELSE e.evaluated_at END,
    round_at = CASE WHEN excluded.next_rule IS NULL THEN NULL ELSE coalesce(e.round_at, excluded.turn_at) END,
    next_rule = excluded.next_rule,
    seconds = excluded.seconds
"""


_EVALUATIONS = CompiledRows(lambda: AlertEvaluation.objects.filter(AnyOf(F("org_id"), Parameter("orgs", UUIDField()))))


@dataclass(frozen=True, slots=True)
class Turn:
    """One organisation's turn, and the rule at which it begins."""

    org_id: UUID
    next_rule: int | None = None

    def rotated(self, rules: Sequence[AlertRule]) -> list[AlertRule]:
        """Return the rules, which are in the order of their ids, beginning where the last turn ended."""
        first = self.next_rule or 0
        return [rule for rule in rules if rule.pk >= first] + [rule for rule in rules if rule.pk < first]

    def end(self, now: datetime, seconds: float, next_rule: int | None) -> None:
        """Note that the turn as of `now` took `seconds`, and where the next one begins: None for the first rule."""
        values: dict[str, Any] = {"org": self.org_id, "now": now, "next": next_rule, "seconds": seconds}
        with connection.cursor() as cursor:
            cursor.execute(_END, values)


def turns() -> list[Turn]:
    """Return the turns of all organisations that have a rule that is on, in order; two queries."""
    rules = AlertRule.objects.filter(enabled=True, org__isnull=False, org__suspended_at=None).order_by()
    return in_order(list(rules.values_list("org_id", flat=True).distinct()))


def in_order(org_ids: Collection[UUID]) -> list[Turn]:
    """Return the organisations' turns, those that wait longest first; one query."""
    rows = _EVALUATIONS.fetch(orgs=list(org_ids))
    known = {row.org_id: (row.turn_at.timestamp(), row.next_rule) for row in rows}
    ordered = sorted(org_ids, key=lambda org_id: known.get(org_id, (0.0, None))[0])
    return [Turn(org_id, known.get(org_id, (0.0, None))[1]) for org_id in ordered]
