"""Rules whose parameters are read, and the environments that they watch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from alerts.models import AlertRule
from alerts.params import ParamsError
from alerts.rule_types import read_params, rule_types
from alerts.state_machine import Condition
from services.queries import environments_of_orgs
from services.scopes import Scope, Scopes

if TYPE_CHECKING:
    from alerts.rule_types.base import RuleType


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A rule whose parameters are read."""

    rule: AlertRule
    params: Any  # of the Params of its type

    @property
    def type(self) -> RuleType[Any]:
        """What knows how to count for it."""
        return rule_types()[self.rule.type]

    def condition(self, *, is_muted: bool = True) -> Condition:
        """Return its condition; `is_muted` False leaves its muting out."""
        return Condition(
            threshold=self.type.threshold(self.params),
            hold=timedelta(minutes=self.params.for_minutes),
            recovery=timedelta(minutes=self.params.recovery_minutes),
            cooldown=timedelta(seconds=self.rule.cooldown_seconds),
            muted_until=self.rule.muted_until if is_muted else None,
        )


def parse_rule(rule: AlertRule) -> ParsedRule:
    """Read the parameters of a rule. Raises ParamsError."""
    return ParsedRule(rule, read_params(rule.type, rule.params_json))


def readable(rules: Iterable[AlertRule]) -> tuple[list[ParsedRule], dict[AlertRule, str]]:
    """Read the parameters of `rules`; the second part says why the others cannot be read."""
    good: list[ParsedRule] = []
    bad: dict[AlertRule, str] = {}
    for rule in rules:
        try:
            good.append(parse_rule(rule))
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
        """Return whether `rule` watches an environment."""
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
    known = {org_id: Scopes(tuple(result)) for org_id, result in scopes.items()}
    return Environments(owners, known, {s.environment_id: s for result in scopes.values() for s in result})
