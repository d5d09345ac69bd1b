"""The last deployment that ended has failed; what is counted are those that failed in a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from alerts.evidence import last_deployment
from alerts.history import Moments, Series
from alerts.models import AlertFiring
from alerts.params import Params
from alerts.rule_types.base import RuleType, Tally, Turn
from alerts.state_machine import Sample
from alerts.targets import Environments, ParsedRule
from deployments.models import Deployment
from deployments.queries import ended_between, failures_in_a_row
from incidents.evidence import Evidence
from incidents.models import Incident
from pulseops.core.db.statement_timeout import BoundedQueryError
from services.models import Environment


class DeploymentFailure(RuleType[Params]):
    """See the module."""

    name = "deployment_failure"
    label = "Deployment failure"
    position = 20
    params_class = Params
    fields = {}
    incident_source = Incident.Source.DEPLOYMENT

    def threshold(self, params: Params) -> int:
        """See RuleType."""
        return 1

    def count(self, rules: Sequence[ParsedRule], turn: Turn) -> Tally:
        """See RuleType; failures from before the rule are no news."""
        seconds = max(turn.budget.left, turn.budget.seconds / 2)
        try:
            failures = failures_in_a_row(turn.org_id, turn.now, seconds=seconds)
        except BoundedQueryError:
            return Tally(slow={each.rule.pk for each in rules})
        return Tally(
            {
                rule.pk: {
                    place: result.count for place, result in failures.items() if result.last_at >= rule.created_at
                }
                for rule in (each.rule for each in rules)
            }
        )

    def series(
        self, read: ParsedRule, environments: Environments, moments: Moments, seconds: float
    ) -> Mapping[UUID, Series]:
        """See RuleType."""
        ended: dict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
        for environment_id, at, has_failed in ended_between(read.rule.org_id, moments.start, moments.end):
            if environments.is_watched(read.rule, environment_id):
                ended[environment_id].append((at, has_failed))
        return {each: _in_a_row(events, moments) for each, events in ended.items()}

    def describe(self, params: Params) -> str:
        """See RuleType."""
        return "The last deployment has failed"

    def evidence(self, params: Params, environment: Environment, sample: Sample) -> Evidence:
        """See RuleType."""
        deployment = last_deployment(environment, sample.at, status=Deployment.Status.FAILURE)
        return Evidence(at=sample.at, count=sample.count, threshold=1, deployment=deployment)

    def describe_count(self, params: Params, count: int) -> str:
        """See RuleType."""
        return "a deployment failed." if count == 1 else f"{count} deployments in a row failed."

    def is_new_detection(self, firing: AlertFiring, sample: Sample) -> bool:
        """See RuleType: each further failure."""
        return sample.count > firing.count


def _in_a_row(events: list[tuple[datetime, bool]], moments: Moments) -> Series:
    """Give how many deployments in a row have failed at each moment."""
    failed, upcoming = 0, iter(events)
    event = next(upcoming, None)
    for number in range(moments.count):
        while event and event[0] <= moments.at(number):
            failed = failed + 1 if event[1] else 0
            event = next(upcoming, None)
        yield number, failed


RULE_TYPE = DeploymentFailure()
