"""Alert rules for the demo, and the incidents that they would have opened in its two days of logs and deployments.

The rules really fire: the backtest tells when, and the evaluator is asked about those moments.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Org
from alerts.backtest import backtest
from alerts.evaluate import evaluate
from alerts.models import AlertRule
from alerts.state_machine import Outcome
from incidents.models import Incident, Severity

SPAN = timedelta(hours=48)
_RULES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("Many errors", AlertRule.Type.ERROR_COUNT, Severity.HIGH, {"threshold": 100, "window_minutes": 5}),
    (
        "Payments time out",
        AlertRule.Type.ERROR_COUNT,
        Severity.HIGH,
        {"threshold": 5, "window_minutes": 5, "query": "payment timeout"},
    ),
    ("Deployment failed", AlertRule.Type.DEPLOYMENT_FAILURE, Severity.MEDIUM, {}),
)


def fill(org: Org, now: datetime, *, on_open: Callable[[Incident], None] = lambda incident: None) -> int:
    """Make the rules as if they were there for two days; return how many incidents they opened.

    `on_open` is called for each as soon as it is open, so that someone can acknowledge it before its rule goes on.
    """
    opened = 0
    for name, kind, severity, params in _RULES:
        if AlertRule.objects.for_org(org).filter(name=name).exists():
            continue
        rule = AlertRule.objects.create(
            org=org, name=name, type=kind, severity=severity, params_json=params, created_at=now - SPAN
        )
        opened += _relive(rule, now, on_open)
    return opened


def _relive(rule: AlertRule, now: datetime, on_open: Callable[[Incident], None]) -> int:
    """Ask the evaluator about every moment at which the rule would have fired or recovered, and the ones between."""
    opened = 0
    for at in _moments(rule, now):
        report = evaluate([rule.org_id], now=at, only=rule.pk)
        opened += report.opened
        for incident in Incident.objects.filter(rule_id=rule.pk).order_by("-pk")[: report.opened]:
            on_open(incident)
    return opened


def _moments(rule: AlertRule, now: datetime) -> list[datetime]:
    recovery = timedelta(minutes=int(rule.params_json.get("recovery_minutes", 5)))
    moments: set[datetime] = set()
    for each in backtest(rule, SPAN, now=now).happenings:
        moments.add(each.at)
        if each.outcome is Outcome.RECOVER:
            moments.add(each.at - recovery)  # when it was clear for the first time
            moments |= {each.at - recovery - timedelta(minutes=minutes) for minutes in range(1, 10)}
    return sorted(moments)
