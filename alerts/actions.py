"""What changes alert rules. Actor first; each writes its audit row in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.audit.record import record
from accounts.models import Org, User
from accounts.quotas import claim
from alerts.models import AlertFiring, AlertPending, AlertRule
from incidents.actions import leave_incident_open
from incidents.escalation_actions import delete_policy_of_rule
from incidents.queries import live_incidents_of_rule
from pulseops.core.db.advisory_locks import transaction_lock
from pulseops.core.jobs.wakeups import wake_evaluation

_LONGEST_CHANGE = 200  # characters of what a field was, in the audit log
FIELDS = ("name", "type", "service", "environment", "params_json", "severity", "enabled", "cooldown_seconds")


@transaction.atomic
def create_rule(*, actor: User | None, org: Org, **values: Any) -> AlertRule:
    """Add a rule; `values` are those of FIELDS, checked by the form. Raises QuotaError."""
    claim(org, "rules")
    rule = AlertRule.objects.create(org=org, **values)
    record(actor=actor, org=org, action="rule.created", resource=rule, meta={"name": rule.name, "type": rule.type})
    wake_evaluation(org.pk)
    return rule


@transaction.atomic
def change_rule(*, actor: User | None, rule: AlertRule, **values: Any) -> bool:
    """Change a rule; returns whether anything is different. `values` are those of FIELDS, checked by the form."""
    locked = _locked(rule)
    changed = {name: (getattr(locked, name), values[name]) for name in FIELDS if name in values}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    if not changed:
        return False
    for name, (_, value) in changed.items():
        setattr(locked, name, value)
    locked.problem, locked.overruns, locked.paused_until = None, 0, None
    locked.save()
    record(
        actor=actor,
        org=locked.org,
        action="rule.changed",
        resource=locked,
        meta={"name": locked.name, "changes": _changes(changed)},
    )
    if not locked.enabled:
        _let_go(locked, "The rule was switched off.")
    wake_evaluation(locked.org_id)
    return True


@transaction.atomic
def switch_rule(*, actor: User | None, rule: AlertRule, enabled: bool) -> bool:
    """Switch a rule on or off; returns whether that changed anything."""
    locked = _locked(rule)
    if locked.enabled == enabled:
        return False
    locked.enabled = enabled
    locked.save(update_fields=["enabled"])
    action = "rule.enabled" if enabled else "rule.disabled"
    record(actor=actor, org=locked.org, action=action, resource=locked, meta={"name": locked.name})
    if enabled:
        wake_evaluation(locked.org_id)
    else:
        _let_go(locked, "The rule was switched off.")
    return True


@transaction.atomic
def mute_rule(*, actor: User | None, rule: AlertRule, until: datetime | None) -> bool:
    """Let a rule open nothing before `until`, None for no muting; what goes on may end meanwhile."""
    locked = _locked(rule)
    if locked.muted_until == until:
        return False
    locked.muted_until = until
    locked.save(update_fields=["muted_until"])
    meta = {"name": locked.name, "until": until.isoformat() if until else None}
    action = "rule.muted" if until else "rule.unmuted"
    record(actor=actor, org=locked.org, action=action, resource=locked, meta=meta)
    if until is None:
        wake_evaluation(locked.org_id)
    return True


@transaction.atomic
def delete_rule(*, actor: User | None, rule: AlertRule) -> None:
    """Remove a rule with its firings; its incidents stay."""
    locked = _locked(rule)
    _let_go(locked, "The rule was deleted.")
    delete_policy_of_rule(actor=actor, org=locked.org, rule_id=locked.pk)
    meta = {"name": locked.name, "type": locked.type}
    record(actor=actor, org=locked.org, action="rule.deleted", resource=locked, meta=meta)
    locked.delete()


def _locked(rule: AlertRule) -> AlertRule:
    """Lock the rule behind the organisation's lock, in the order in which the evaluator takes them."""
    transaction_lock(f"alerts:{rule.org_id}")
    return AlertRule.objects.select_for_update(of=("self",)).select_related("org").get(pk=rule.pk)


def _changes(changed: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    """Return what each field was and is, as the audit log shows it: parameters one by one, services by their names."""
    params = changed.get("params_json", ({}, {}))
    old, new = (each if isinstance(each, dict) else {} for each in params)
    pairs = {name: pair for name, pair in changed.items() if name != "params_json"}
    pairs |= {name: (old.get(name), new.get(name)) for name in [*new, *(each for each in old if each not in new)]}
    return {name: list(map(_plain, pair)) for name, pair in pairs.items() if pair[0] != pair[1]}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)[:_LONGEST_CHANGE]


def _let_go(rule: AlertRule, words: str) -> None:
    """End what the rule has going on; its open incidents are people's now, whose channels are notified once."""
    has_ended = Exists(AlertFiring.objects.filter(incident=OuterRef("pk"), resolved_at__isnull=False))
    watched = list(live_incidents_of_rule(rule.pk).exclude(has_ended))
    AlertFiring.objects.filter(rule=rule, resolved_at=None).update(resolved_at=timezone.now(), clear_since=None)
    AlertPending.objects.filter(rule=rule).delete()
    for incident in watched:
        leave_incident_open(incident=incident, reason=f"{words} This incident is no longer resolved automatically.")
