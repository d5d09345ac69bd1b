"""Alert rules: the list, one of them with its editor and backtest, and what admins may do to it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.quotas import QuotaError
from accounts.tenancy import OrgRequest, org_admin, org_developer, org_member
from alerts import actions, queries
from alerts.backtest import BACKTEST_SECONDS, PERIODS, backtest
from alerts.describe import describe_effect
from alerts.forms import MUTE_OF_DEVELOPERS, MUTES, MuteForm, RuleForm
from alerts.models import AlertRule
from alerts.params import ParamsError
from alerts.routing import notified_by
from logs.search.session import patiently
from logs.search.slots import SearchBusyError
from pulseops.core.db.statement_timeout import QueryFailedError, QueryTimeoutError

_LONGEST_QUERY = 4_000  # characters that a link fills in
_PERIOD_LABELS = {"24h": "24 hours", "7d": "7 days"}


@require_safe
@org_member
def rule_list(request: OrgRequest) -> HttpResponse:
    """Show every rule in words, with its state."""
    return render(request, "alerts/list.html", {"rules": queries.rule_summaries(request.org)})


@require_http_methods(["GET", "POST"])
@org_admin
def rule_create(request: OrgRequest) -> HttpResponse:
    """Add a rule; the button “Preview” shows what it would have done instead of saving."""
    form = RuleForm(request.POST or None, org=request.org, initial=_initial(request))
    if request.method == "POST" and form.is_valid() and "try" not in request.POST:
        try:
            rule = actions.create_rule(actor=request.user, org=request.org, **form.values)
        except QuotaError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{rule.name} was added.")
            return redirect("alerts:detail", rule.pk)
    values = {"form": form, **_tried(request, form)}
    return render(request, "alerts/form.html", values, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@org_admin
def rule_edit(request: OrgRequest, rule_id: int) -> HttpResponse:
    """Change a rule, or try the change."""
    rule = _rule(request, rule_id)
    form = RuleForm(request.POST or None, org=request.org, rule=rule)
    if request.method == "POST" and form.is_valid() and "try" not in request.POST:
        actions.change_rule(actor=request.user, rule=rule, **form.values)
        messages.success(request, f"{form.cleaned_data['name']} was saved.")
        return redirect("alerts:detail", rule.pk)
    values = {"form": form, "rule": rule, **_tried(request, form)}
    return render(request, "alerts/form.html", values, status=422 if form.errors else 200)


def _tried(request: OrgRequest, form: RuleForm) -> dict[str, Any]:
    """What “Try it” found; nothing when it was not pressed."""
    if "try" not in request.POST or not form.is_valid():
        return {}
    return backtest_values(form.unsaved_rule(), request.POST["try"])


@require_safe
@org_member
def rule_detail(request: OrgRequest, rule_id: int) -> HttpResponse:
    """Show one rule: in words, where it fired, and what it would have done in the last day or week."""
    rule = _rule(request, rule_id)
    values: dict[str, Any] = {"rule": rule, **backtest_values(rule, request.GET.get("period", "24h"))}
    if request.headers.get("HX-Request"):
        return render(request, "alerts/_backtest.html", values)
    values |= {
        "summary": queries.summary_of(rule),
        "effect": describe_effect(rule),
        "firings": queries.firings_of(rule),
        "is_muted": queries.is_muted(rule),
        "mute_form": MuteForm(is_admin=request.membership.is_admin),
    }
    return render(request, "alerts/detail.html", values)


def _initial(request: OrgRequest) -> dict[str, str]:
    """Return what a link to the editor fills in: a search of the explorer, as its filter."""
    query = request.GET.get("query", "").replace("\0", "")[:_LONGEST_QUERY]
    return {"query": query, "level": ""} if query else {}


@require_POST
@org_admin
def rule_try(request: OrgRequest) -> HttpResponse:
    """Return what the rule in the editor would have done; htmx asks whenever a field changes."""
    form = RuleForm(request.POST, org=request.org, is_draft=True)
    if not form.is_valid():
        values = {"trouble": "The preview appears when the rule is complete.", "wrong": form.wrong_words}
        return render(request, "alerts/_backtest.html", values)
    values = backtest_values(form.unsaved_rule(), request.POST.get("period", "24h"))
    return render(request, "alerts/_backtest.html", values)


def backtest_values(rule: AlertRule, period: str) -> dict[str, Any]:
    """Try a rule over a period ("24h" or "7d"); what alerts/_backtest.html reads."""
    period = period if period in PERIODS else "24h"
    choices = [(each, _PERIOD_LABELS[each]) for each in PERIODS]
    values: dict[str, Any] = {"period": period, "periods": choices, "period_label": _PERIOD_LABELS[period]}
    values["notified"] = notified_by(rule)
    try:
        values["backtest"] = patiently(rule.org_id, partial(backtest, rule, PERIODS[period]), BACKTEST_SECONDS)
    except SearchBusyError:
        values["trouble"] = "Other searches of your organisation are running. Try again when they are done."
    except ParamsError as error:
        values["trouble"] = f"The rule cannot be previewed. {error}"
    except QueryTimeoutError:
        values["trouble"] = "Counting took too long. A shorter period or a narrower filter may do."
    except QueryFailedError as error:
        values["trouble"] = f"The filter cannot be searched: {error.reason}."
    return values


@require_POST
@org_admin
def rule_switch(request: OrgRequest, rule_id: int) -> HttpResponse:
    """Switch a rule on or off."""
    rule = _rule(request, rule_id)
    enabled = request.POST.get("enabled") == "true"
    actions.switch_rule(actor=request.user, rule=rule, enabled=enabled)
    messages.success(request, f"{rule.name} is {'on' if enabled else 'off'}.")
    return redirect("alerts:list" if request.POST.get("from") == "list" else "alerts:detail", *_back(request, rule))


def _back(request: OrgRequest, rule: AlertRule) -> list[int]:
    return [] if request.POST.get("from") == "list" else [rule.pk]


@require_POST
@org_developer
def rule_mute(request: OrgRequest, rule_id: int) -> HttpResponse:
    """Mute a rule for a while, or end that. Developers may for a day, admins for longer."""
    rule = _rule(request, rule_id)
    length = MUTES.get(request.POST.get("length", ""))
    if length and length > MUTE_OF_DEVELOPERS and not request.membership.is_admin:
        messages.error(request, "Muting for so long needs the role admin.")
        return redirect("alerts:detail", rule.pk)
    actions.mute_rule(actor=request.user, rule=rule, until=timezone.now() + length if length else None)
    messages.success(request, f"{rule.name} is {'muted' if length else 'not muted any more'}.")
    return redirect("alerts:detail", rule.pk)


@require_POST
@org_admin
def rule_delete(request: OrgRequest, rule_id: int) -> HttpResponse:
    """Remove a rule."""
    rule = _rule(request, rule_id)
    actions.delete_rule(actor=request.user, rule=rule)
    messages.success(request, f"{rule.name} was deleted.")
    return redirect("alerts:list")


def _rule(request: OrgRequest, rule_id: int) -> AlertRule:
    rows = AlertRule.objects.for_org(request.org).select_related("org", "service", "environment__service")
    return get_object_or_404(rows, pk=rule_id)
