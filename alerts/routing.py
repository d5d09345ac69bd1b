"""What channels are told of rules: which there are, and what each would say."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import Org
from alerts.models import AlertRule
from notifications.queries import channels_for, channels_reached
from notifications.routing import Routing, Subject


def rule_choices(org: Org) -> Sequence[tuple[int, str]]:
    """Return the rules by name."""
    return list(AlertRule.objects.for_org(org).order_by("name", "pk").values_list("pk", "name"))


def subject_of(rule: AlertRule) -> Subject:
    """Return what channels choose by, as far as it is known before the rule fires."""
    environment = rule.environment
    service_id = rule.service_id or (environment.service_id if environment else None)
    return Subject(
        event="created",
        severity=rule.severity,
        service_id=str(service_id) if service_id else None,
        environment=environment.name if environment else None,
        rule_id=rule.pk,
    )


def notified_by(rule: AlertRule) -> list[str]:
    """Return the names of the channels that an incident of the rule is sent to; one query."""
    return channels_reached(rule.org, subject_of(rule))


def notified_by_each(org: Org, rules: Sequence[AlertRule]) -> list[list[str]]:
    """Return the same for each of `rules`; one query."""
    return channels_for(org, [subject_of(rule) for rule in rules])


def unheard_rules(rules: Sequence[tuple[str, Subject]], routings: Sequence[object]) -> list[str]:
    """Return the names of the rules that no channel wants to hear of."""
    wanting = [Routing.from_json(each) for each in routings]
    return [name for name, subject in rules if not any(each.wants(subject) for each in wanting)]
