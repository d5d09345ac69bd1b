"""Looking at the rules: read them, count for all of them at once, decide for each, act."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from alerts.firings import Evaluation, Outcomes, States, act, fingerprint
from alerts.models import AlertRule
from alerts.params import ErrorCountParams
from alerts.state_machine import Outcome, Sample
from alerts.targets import Environments, ParsedRule, counted, places_of, readable

log = logging.getLogger(__name__)
_TRIGGERED = {Outcome.FIRE, Outcome.REOPEN, Outcome.HOLDING}


@dataclass(slots=True)
class Report:
    """What one look at the rules came to; contracts.md has the shape of its JSON."""

    evaluated: int = 0
    opened: int = 0
    updated: int = 0
    triggered: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

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
    org_ids: Collection[UUID] | None = None, *, now: datetime | None = None, only: int | None = None
) -> Report:
    """Look at the enabled rules as of `now` (by the database's clock): of all or some organisations, or `only` one."""
    now = now or _database_now()
    rules = AlertRule.objects.filter(enabled=True, org__isnull=False)
    if org_ids is not None:
        rules = rules.filter(org_id__in=list(org_ids))
    if only is not None:
        rules = rules.filter(pk=only)
    rules = rules.select_related("service", "environment__service").order_by("pk")
    good, bad = readable(rules)
    _note_problems(good, bad)
    report = Report(evaluated=len(good), skipped={rule.pk: problem for rule, problem in bad.items()})
    places = places_of({each.rule.org_id for each in good})
    counts = counted(good, places, now)
    report.failed = {each.rule.pk: "Counting took too long." for each in good if each.rule.pk not in counts}
    states = States([each.rule.pk for each in good])
    for looks in _looks(good, counts, states, now).values():
        _look_at(looks, states, places, report)
    return report


def _database_now() -> datetime:
    """Logs carry the database's time, and no two machines' clocks are the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def _looks(
    rules: Collection[ParsedRule], counts: Mapping[int, Mapping[UUID, int]], states: States, now: datetime
) -> dict[UUID, list[Evaluation]]:
    """Pair each rule with the environments where there is something to decide, by organisation."""
    unfinished: dict[int, set[UUID]] = defaultdict(set)
    for rule_id, environment_id in states.unfinished():
        unfinished[rule_id].add(environment_id)
    looks: dict[UUID, list[Evaluation]] = defaultdict(list)
    for each in rules:
        if each.rule.pk not in counts:
            continue
        found = counts[each.rule.pk]
        for environment_id in sorted(found.keys() | unfinished[each.rule.pk]):
            sample = Sample(now, found.get(environment_id, 0))
            looks[each.rule.org_id].append(Evaluation(each, environment_id, sample))
    return looks


def _look_at(looks: list[Evaluation], states: States, places: Environments, report: Report) -> None:
    """Act on one organisation's looks; what goes wrong there stays there."""
    try:
        acted = act(looks, states)
    except Exception as error:
        log.exception("the rules of an organisation could not be evaluated")
        acted = Outcomes(failed={looks[0].read.rule.pk: f"{type(error).__name__}: {error}"})
    report.opened += acted.opened
    report.updated += acted.updated
    report.failed.update(acted.failed)
    triggered = [look for look in looks if acted.outcomes.get(look.key) in _TRIGGERED]
    report.triggered += [_described(look, places) for look in triggered]


def _described(look: Evaluation, places: Environments) -> dict[str, Any]:
    rule, params = look.read.rule, look.read.params
    context: dict[str, Any] = {"environmentId": str(look.environment_id), "count": look.sample.count}
    if isinstance(params, ErrorCountParams):
        context |= {"threshold": params.threshold, "windowMinutes": params.window_minutes}
    mark = fingerprint(rule.type, places.service_of(look.environment_id), look.environment_id)
    return {"ruleId": rule.pk, "name": rule.name, "type": rule.type, "context": context, "fingerprint": mark}


def _note_problems(good: Collection[ParsedRule], bad: Mapping[AlertRule, str]) -> None:
    """Let the rules' pages say why a rule is skipped; writes only what is news."""
    healed = [each.rule.pk for each in good if each.rule.problem]
    if healed:
        AlertRule.objects.filter(pk__in=healed).update(problem=None)
    for rule, problem in bad.items():
        if rule.problem != problem:
            log.warning("a rule is skipped", extra={"rule": rule.pk, "problem": problem})
            AlertRule.objects.filter(pk=rule.pk).update(problem=problem)
