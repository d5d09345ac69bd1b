"""Which environments a rule watches, and how many were counted in each: the samples of one look at all rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from alerts.models import AlertRule
from alerts.params import ErrorCountParams, Params, ParamsError, read_params
from alerts.samples import Counts, Wanted, failed_deployments, log_counts
from services.models import Environment


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A rule whose parameters are read."""

    rule: AlertRule
    params: Params


def readable(rules: Iterable[AlertRule]) -> tuple[list[ReadRule], dict[AlertRule, str]]:
    """Read the parameters of `rules`; the second part says why the others cannot be read."""
    good: list[ReadRule] = []
    bad: dict[AlertRule, str] = {}
    for rule in rules:
        try:
            good.append(ReadRule(rule, read_params(rule.type, rule.params_json)))
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
class Place:
    """Whose an environment is."""

    org_id: UUID
    service_id: UUID


Places = Mapping[UUID, Place]


def places_of(rules: Iterable[ReadRule]) -> Places:
    """Return every environment of the organisations whose rules these are."""
    rows = Environment.objects.filter(service__org_id__in={each.rule.org_id for each in rules})
    found = rows.values_list("pk", "service__org_id", "service_id")
    return {pk: Place(org_id, service_id) for pk, org_id, service_id in found}


def counted(rules: Collection[ReadRule], places: Places, now: datetime) -> dict[int, Counts]:
    """Return for each rule's id what was counted in which of its environments, those with nothing left out."""
    found: dict[int, Counts] = {}
    logs = {each.rule.pk: wanted_by(each) for each in rules if isinstance(each.params, ErrorCountParams)}
    counts = log_counts(logs.values(), now) if logs else {}
    others = {each.rule.org_id for each in rules if each.rule.pk not in logs}
    failures = failed_deployments(others, now) if others else {}
    for each in rules:
        rule = each.rule
        if rule.pk in logs:
            seen = counts[logs[rule.pk]]
        else:
            seen = {place: f.count for place, f in failures.items() if f.last_at >= rule.created_at}
        found[rule.pk] = {place: count for place, count in seen.items() if _is_watched(rule, place, places)}
    return found


def wanted_by(each: ReadRule) -> Wanted:
    """Return what an error_count rule wants counted."""
    assert isinstance(each.params, ErrorCountParams)
    return Wanted(each.rule.org_id, each.params.level, timedelta(minutes=each.params.window_minutes))


def _is_watched(rule: AlertRule, environment_id: UUID, places: Places) -> bool:
    place = places.get(environment_id)
    return (
        place is not None
        and place.org_id == rule.org_id
        and rule.service_id in {None, place.service_id}
        and rule.environment_id in {None, environment_id}
    )
