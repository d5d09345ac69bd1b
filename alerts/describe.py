"""A rule in words, as its page, the list and its incidents say it."""

from __future__ import annotations

from alerts.models import AlertRule
from alerts.params import Params, ParamsError
from alerts.rule_types import read_params, rule_types
from pulseops.core.ui.times import duration


def in_words(rule: AlertRule) -> str:
    """Say what the rule watches and when it fires; for one that cannot be read, why."""
    try:
        params = read_params(rule.type, rule.params_json)
    except ParamsError as error:
        return f"This rule cannot be read. {error}"
    return f"{rule_types()[rule.type].describe(params)} {_where(rule)}{_held(params)}."


def describe_effect(rule: AlertRule) -> str:
    """Say what follows when it fires."""
    try:
        params = read_params(rule.type, rule.params_json)
    except ParamsError:
        return ""
    severity = rule.get_severity_display().lower()
    over = f"after {params.recovery_minutes} min of quiet" if params.recovery_minutes else "as soon as it is quiet"
    again = f" Within {duration(rule.cooldown_seconds)} of its end the same incident is reopened."
    return f"It opens an incident of {severity} severity, which is over {over}.{again if rule.cooldown_seconds else ''}"


def _where(rule: AlertRule) -> str:
    if rule.environment:
        return f"in {rule.environment.service.name} / {rule.environment.name}"
    if rule.service:
        return f"in any environment of {rule.service.name}"
    return "in any service and environment, each on its own"


def _held(params: Params) -> str:
    return f", for {params.for_minutes} min" if params.for_minutes else ""
