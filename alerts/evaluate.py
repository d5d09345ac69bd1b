"""Evaluating the rules, organisation by organisation, each within its time: read them, count, decide, act.

No exception, statement or second of one organisation is another's. The one that waits longest has the first turn.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet, UUIDField

from alerts.firings import Evaluation, Outcomes, act, fingerprint
from alerts.models import AlertRule
from alerts.overruns import note_verdicts
from alerts.rule_types.base import Tally
from alerts.rule_types.base import Turn as Counting
from alerts.state_machine import Outcome, Sample
from alerts.states import States
from alerts.tally import tally
from alerts.targets import Environments, ParsedRule, places_of, readable
from alerts.turns import Turn, in_order
from pulseops.core.budget import TimeBudget
from pulseops.core.db.compiled_rows import AnyOf, CompiledRows, Parameter
from pulseops.core.db.distribution import is_worker_away
from pulseops.core.metrics import RULES, RULES_SECONDS

log = logging.getLogger(__name__)
_TRIGGERED = {Outcome.FIRE, Outcome.REOPEN, Outcome.HOLDING}


@dataclass(slots=True)
class Report:
    """What one evaluation came to; contracts.md has the shape of its JSON."""

    evaluated: int = 0
    opened: int = 0
    updated: int = 0
    triggered: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    unfinished: set[UUID] = field(default_factory=set)  # organisations with something left for their next turn

    def add(self, other: Report) -> None:
        """Add what another evaluation came to."""
        self.evaluated += other.evaluated
        self.opened += other.opened
        self.updated += other.updated
        self.triggered += other.triggered
        self.skipped |= other.skipped
        self.failed |= other.failed
        self.unfinished |= other.unfinished

    def to_json(self) -> dict[str, Any]:
        """Return R of contracts.md; what was skipped or failed stands there only if there is any."""
        return {
            "evaluated": self.evaluated,
            "triggeredCount": len(self.triggered),
            "incidentsCreated": self.opened,
            "incidentsUpdated": self.updated,
            "triggeredRules": self.triggered,
            **({"skipped": {str(k): v for k, v in self.skipped.items()}} if self.skipped else {}),
            **({"failed": {str(k): v for k, v in self.failed.items()}} if self.failed else {}),
        }


def evaluate(
    org_ids: Collection[UUID] | None = None,
    *,
    now: datetime | None = None,
    only: int | None = None,
    seconds: float | None = None,
    is_trial: bool = False,
) -> Report:
    """Evaluate the enabled rules as of `now` (by the database's clock): of all or some organisations, or `only` one.

    Each organisation has `seconds` (ALERT_ORG_SECONDS), all of them together ALERT_PASS_SECONDS; who has had no turn by
    then is the first next time. In a trial nothing is held against a rule that takes too long: the caller goes on.
    """
    now = now or _database_now()
    by_org: dict[UUID, list[AlertRule]] = defaultdict(list)
    for rule in _enabled_rules() if org_ids is None else _ENABLED_OF.fetch(orgs=list(org_ids)):
        if only in {None, rule.pk}:
            by_org[rule.org_id].append(rule)
    places = places_of(by_org)
    report, whole = Report(), TimeBudget(settings.ALERT_PASS_SECONDS)
    for turn in in_order(by_org):
        if whole.is_over:
            report.unfinished.add(turn.org_id)
            continue
        work = _OrgEvaluation(turn, by_org[turn.org_id], places, now, report, only is not None)
        work.run(seconds or settings.ALERT_ORG_SECONDS, is_trial=is_trial)
    RULES.labels("evaluated").inc(report.evaluated)
    RULES.labels("failed").inc(len(report.failed))
    RULES.labels("skipped").inc(len(report.skipped))
    return report


def _enabled_rules() -> QuerySet[AlertRule]:
    rules = AlertRule.objects.filter(enabled=True, org__isnull=False, org__suspended_at=None)
    return rules.select_related("service", "environment__service").order_by("pk")


_ENABLED_OF = CompiledRows(lambda: _enabled_rules().filter(AnyOf(F("org_id"), Parameter("orgs", UUIDField()))))


def _database_now() -> datetime:
    """Logs carry the database's time, and no two machines' clocks are the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


@dataclass(frozen=True, slots=True)
class _OrgEvaluation:
    """One organisation's turn."""

    turn: Turn
    rules: list[AlertRule]
    places: Environments
    now: datetime
    report: Report
    is_of_one_rule: bool

    def run(self, seconds: float, *, is_trial: bool) -> None:
        """Have the turn; what goes wrong in it stays in it, unless the database is away."""
        budget = TimeBudget(seconds)
        try:
            next_rule = self._evaluate(budget, is_trial=is_trial)
            if not self.is_of_one_rule:
                self.turn.end(self.now, budget.used, next_rule)
        except Exception as error:
            if not connection.is_usable():
                raise
            log.exception("the rules of an organisation could not be evaluated", extra={"org": str(self.turn.org_id)})
            if is_worker_away(error):  # which may take its time to say so: others do not wait for it in the quick lane
                self.report.unfinished.add(self.turn.org_id)
            problem = f"{type(error).__name__}: {error}"
            self.report.failed |= {rule.pk: problem for rule in self.rules if rule.pk not in self.report.failed}
        finally:
            RULES_SECONDS.observe(budget.used)

    def _evaluate(self, budget: TimeBudget, *, is_trial: bool) -> int | None:
        """Evaluate in the order of the turn; return the rule at which the next turn begins, None for all being done."""
        good, bad = readable(self.turn.rotated(self.rules))
        resting = {each.rule.pk for each in good if (until := each.rule.paused_until) and until > self.now}
        awake = [each for each in good if each.rule.pk not in resting]
        states = States([each.rule.pk for each in awake])
        counting = Counting(self.turn.org_id, self.places, self.now, budget, states.holding())
        result = tally(awake, counting)
        note_verdicts(awake, bad, result, self.now, is_trial=is_trial)
        report = self.report
        report.evaluated += len(good)
        report.skipped |= {rule.pk: problem for rule, problem in bad.items()} | result.failed
        report.skipped |= {each.rule.pk: each.rule.problem or "" for each in good if each.rule.pk in resting}
        report.failed |= dict.fromkeys(result.slow, "Counting took too long.")
        acted = self._act(awake, result, states, budget)
        next_rule = next((each.rule.pk for each in awake if each.rule.pk in result.next_rules), None)
        if next_rule is not None or acted.is_cut_short or (is_trial and result.slow):
            report.unfinished.add(self.turn.org_id)
        return next_rule if next_rule or not (is_trial and result.slow) else min(result.slow)

    def _act(self, rules: list[ParsedRule], result: Tally, states: States, budget: TimeBudget) -> Outcomes:
        looks = list(_looks(rules, result.counts, states, self.now))
        acted = act(looks, states, budget)
        report = self.report
        report.opened += acted.opened
        report.updated += acted.updated
        report.failed |= acted.failed
        triggered = [look for look in looks if acted.outcomes.get(look.key) in _TRIGGERED]
        report.triggered += [_described(look, self.places) for look in triggered]
        return acted


def _looks(
    rules: Iterable[ParsedRule], counts: Mapping[int, Mapping[UUID, int]], states: States, now: datetime
) -> Iterable[Evaluation]:
    """Pair each rule with the environments where there is something to decide."""
    unfinished: dict[int, set[UUID]] = defaultdict(set)
    for rule_id, environment_id in states.unfinished():
        unfinished[rule_id].add(environment_id)
    for each in rules:
        count = counts.get(each.rule.pk)
        if count is None:
            continue
        for environment_id in sorted(count.keys() | unfinished[each.rule.pk]):
            yield Evaluation(each, environment_id, Sample(now, count.get(environment_id, 0)))


def _described(look: Evaluation, places: Environments) -> dict[str, Any]:
    rule = look.read.rule
    context: dict[str, Any] = {"environmentId": str(look.environment_id), "count": look.sample.count}
    context |= look.read.type.context(look.read.params)
    mark = fingerprint(rule.type, places.service_of(look.environment_id), look.environment_id)
    return {"ruleId": rule.pk, "name": rule.name, "type": rule.type, "context": context, "fingerprint": mark}
