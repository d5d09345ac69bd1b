"""Which environments a rule watches, and how many were counted in each: the samples of one evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from alerts.counting import Counted, Counts, Wanted, log_counts
from alerts.models import AlertRule
from alerts.params import ErrorCountParams, Params, ParamsError, read_params
from deployments.queries import Failures, failures_in_a_row
from pulseops.core.budget import TimeBudget
from pulseops.core.db.statement_timeout import BoundedQueryError
from services.queries import environments_of_orgs
from services.scopes import Scope, Scopes


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A rule whose parameters are read."""

    rule: AlertRule
    params: Params


def readable(rules: Iterable[AlertRule]) -> tuple[list[ParsedRule], dict[AlertRule, str]]:
    """Read the parameters of `rules`; the second part says why the others cannot be read."""
    good: list[ParsedRule] = []
    bad: dict[AlertRule, str] = {}
    for rule in rules:
        try:
            good.append(ParsedRule(rule, read_params(rule.type, rule.params_json)))
            _check_scope(rule)
        except ParamsError as error:
            bad[rule] = str(error)
    return [each for each in good if each.rule not in bad], bad


def _check_scope(rule: AlertRule) -> None:
    """The rule's environment must be its service's, and both the organisation's; needs both loaded."""
    if rule.environment and rule.service and rule.environment.service_id != rule.service_id:
        raise ParamsError({"environment": "It is not an environment of the rule's service."})
    owners = {rule.service.org_id} if rule.service else set()
    owners |= {rule.environment.service.org_id} if rule.environment else set()
    if owners - {rule.org_id}:
        raise ParamsError({"service": "It is another organisation's."})


@dataclass(frozen=True, slots=True)
class Environments:
    """Every environment of some organisations: whose each is, and what it is called."""

    owners: Mapping[UUID, UUID]
    scopes: Mapping[UUID, Scopes]
    by_environment: Mapping[UUID, Scope]

    def service_of(self, environment_id: UUID) -> UUID | None:
        """Return the service that an environment belongs to."""
        scope = self.by_environment.get(environment_id)
        return scope.service_id if scope else None

    def is_watched(self, rule: AlertRule, environment_id: UUID) -> bool:
        """Tell whether `rule` watches an environment."""
        return (
            self.owners.get(environment_id) == rule.org_id
            and rule.service_id in {None, self.service_of(environment_id)}
            and rule.environment_id in {None, environment_id}
        )


def places_of(org_ids: Collection[UUID]) -> Environments:
    """Read every environment of the organisations, in one statement."""
    owners: dict[UUID, UUID] = {}
    scopes: dict[UUID, list[Scope]] = defaultdict(list)
    for environment in environments_of_orgs(org_ids):
        service = environment.service
        scopes[service.org_id].append(Scope(service.pk, service.name, environment.pk, environment.name))
        owners[environment.pk] = service.org_id
    known = {org_id: Scopes(tuple(found)) for org_id, found in scopes.items()}
    return Environments(owners, known, {s.environment_id: s for found in scopes.values() for s in found})


@dataclass(slots=True)
class Tally:
    """What was counted for one organisation's rules, by rule id: for each its environments, none that has nothing.

    A rule that stands in `slow` or `failed`, or in none of the three, was not counted: nothing is known, which is not
    zero. `next_rule` is where the next turn goes on, None when this one came to the end.
    """

    counts: dict[int, Counts] = field(default_factory=dict)
    slow: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)
    next_rule: int | None = None


def tally(rules: Sequence[ParsedRule], places: Environments, now: datetime, budget: TimeBudget) -> Tally:
    """Count for the rules of one organisation, in their order, within what is left of `budget`."""
    result = Tally()
    if not rules:
        return result
    org_id = rules[0].rule.org_id
    logs = {each.rule.pk: wanted_by(each) for each in rules if isinstance(each.params, ErrorCountParams)}
    counted = log_counts(list(logs.values()), places.scopes.get(org_id, Scopes(())), now, budget)
    failures = _failures(rules, logs, now, budget)
    for each in rules:
        rule = each.rule
        if rule.pk not in logs:
            if failures is None:
                result.slow.add(rule.pk)
                continue
            seen = {place: f.count for place, f in failures.items() if f.last_at >= rule.created_at}
        else:
            wanted = logs[rule.pk]
            if wanted not in counted.counts:
                _note_uncounted(rule.pk, wanted, counted, result)
                continue
            seen = counted.counts[wanted]
        result.counts[rule.pk] = {place: count for place, count in seen.items() if places.is_watched(rule, place)}
    return result


def _failures(
    rules: Iterable[ParsedRule], logs: Mapping[int, Wanted], now: datetime, budget: TimeBudget
) -> dict[UUID, Failures] | None:
    """Return the deployments that failed, None when that takes longer than the organisation's time."""
    others = [each.rule.org_id for each in rules if each.rule.pk not in logs]
    try:
        return failures_in_a_row(others[0], now, seconds=max(budget.left, budget.seconds / 2)) if others else {}
    except BoundedQueryError:
        return None


def _note_uncounted(rule_id: int, wanted: Wanted, counted: Counted, result: Tally) -> None:
    if wanted in counted.failed:
        result.failed[rule_id] = counted.failed[wanted]
    elif wanted in counted.slow:
        result.slow.add(rule_id)
    elif result.next_rule is None and wanted == counted.next:
        result.next_rule = rule_id


def wanted_by(each: ParsedRule) -> Wanted:
    """Return what an error_count rule wants counted."""
    assert isinstance(each.params, ErrorCountParams)
    params = each.params
    return Wanted(each.rule.org_id, params.level, timedelta(minutes=params.window_minutes), params.query)
