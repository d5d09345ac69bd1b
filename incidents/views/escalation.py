"""Settings: escalation. Which incidents are brought up again when they are not acknowledged."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.tenancy import OrgRequest, org_admin
from incidents import escalation_actions
from incidents.escalation_forms import PolicyForm
from incidents.models import EscalationPolicy
from notifications.queries import channel_names
from notifications.routing import RULE_CHOICES


@require_http_methods(["GET", "POST"])
@org_admin
def escalation(request: OrgRequest) -> HttpResponse:
    """Show the policies, and set one."""
    form = PolicyForm(request.POST or None, org=request.org)
    if request.method == "POST" and form.is_valid():
        policy = escalation_actions.set_policy(actor=request.user, org=request.org, **form.values)
        messages.success(request, f"Escalation is set for {_target(policy, dict(_rules(request)))}.")
        return redirect("incidents:escalation")
    rules, channels = dict(_rules(request)), channel_names(request.org)
    policies = [
        {
            "policy": each,
            "target": _target(each, rules),
            "channels": [channels[pk] for pk in each.policy.channels if pk in channels],
        }
        for each in EscalationPolicy.objects.for_org(request.org).order_by("rule_id", "severity")
    ]
    values: dict[str, Any] = {"form": form, "policies": policies}
    return render(request, "incidents/escalation.html", values, status=422 if form.errors else 200)


@require_POST
@org_admin
def escalation_delete(request: OrgRequest, policy_id: int) -> HttpResponse:
    """Remove a policy."""
    policy = get_object_or_404(EscalationPolicy.objects.for_org(request.org).select_related("org"), pk=policy_id)
    escalation_actions.delete_policy(actor=request.user, policy=policy)
    messages.success(request, "The escalation was removed.")
    return redirect("incidents:escalation")


def _rules(request: OrgRequest) -> list[tuple[int, str]]:
    return [each for ask in RULE_CHOICES for each in ask(request.org)]


def _target(policy: EscalationPolicy, rules: dict[int, str]) -> str:
    if policy.severity:
        return f"{policy.get_severity_display().lower()} severity"
    return f"the rule {rules.get(policy.rule_id or 0, 'that was deleted')}"
