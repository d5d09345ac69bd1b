"""Rules, firings and pending conditions in the Django admin."""

from __future__ import annotations

from django.contrib import admin

from accounts.audit.admin import AuditedModelAdmin
from alerts.models import AlertEvaluation, AlertFiring, AlertPending, AlertRule
from pulseops.core.admin import ReadOnlyAdmin


@admin.register(AlertRule)
class AlertRuleAdmin(AuditedModelAdmin):
    list_display = ["id", "name", "org", "type", "service", "environment", "severity", "enabled", "problem"]
    list_display_links = ["id", "name"]
    list_filter = ["type", "enabled", "severity", "created_at"]
    list_select_related = ["org", "service", "environment"]
    search_fields = ["name", "org__name", "service__name", "problem", "=id"]
    raw_id_fields = ["org", "service", "environment"]
    readonly_fields = ["id", "problem", "overruns", "paused_until", "created_at"]


@admin.register(AlertFiring)
class AlertFiringAdmin(ReadOnlyAdmin):
    list_display = ["rule", "environment", "fired_at", "resolved_at", "last_notified_at", "incident"]
    list_filter = ["fired_at", "resolved_at"]
    list_select_related = ["rule", "environment", "incident"]
    search_fields = ["rule__name", "fingerprint", "=rule__id"]


@admin.register(AlertPending)
class AlertPendingAdmin(ReadOnlyAdmin):
    list_display = ["rule", "environment", "since"]
    list_filter = ["since"]
    list_select_related = ["rule", "environment"]
    search_fields = ["rule__name", "environment__name", "=rule__id"]


@admin.register(AlertEvaluation)
class AlertEvaluationAdmin(ReadOnlyAdmin):
    list_display = ["org", "turn_at", "evaluated_at", "seconds"]
    list_filter = ["evaluated_at"]
    list_select_related = ["org"]
    search_fields = ["org__name"]
