"""What changes escalation policies, each with its audit row."""

from __future__ import annotations

from django.db import transaction

from accounts.audit.record import record
from accounts.models import Org, User
from incidents.models import EscalationPolicy


@transaction.atomic
def set_policy(
    *,
    actor: User | None,
    org: Org,
    severity: str | None,
    rule_id: int | None,
    after: int,
    repeats: int,
    channels: list[str],
) -> EscalationPolicy:
    """Set what happens to incidents of a severity, or of a rule, that are not acknowledged after `after` minutes."""
    values = {"after_minutes": after, "repeats": repeats, "channels_json": channels}
    policy, _ = EscalationPolicy.objects.update_or_create(org=org, severity=severity, rule_id=rule_id, defaults=values)
    meta = {"name": str(policy), **values}
    record(actor=actor, org=org, action="escalation.set", resource=policy, meta=meta)
    return policy


def delete_policy_of_rule(*, actor: User | None, org: Org, rule_id: int) -> None:
    """Remove the policy of a rule that is deleted."""
    for policy in EscalationPolicy.objects.for_org(org).filter(rule_id=rule_id):
        delete_policy(actor=actor, policy=policy)


@transaction.atomic
def delete_policy(*, actor: User | None, policy: EscalationPolicy) -> None:
    """Remove a policy: its incidents are not brought up again."""
    record(actor=actor, org=policy.org, action="escalation.removed", resource=policy, meta={"name": str(policy)})
    policy.delete()
