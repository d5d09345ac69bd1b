"""Incidents and their timelines in the Django admin; a timeline is written once."""

from __future__ import annotations

from django.contrib import admin

from accounts.audit.admin import AuditedModelAdmin
from incidents.models import EscalationPolicy, Incident, IncidentEvent, MaintenanceWindow
from pulseops.core.admin import ReadOnlyAdmin


@admin.register(Incident)
class IncidentAdmin(AuditedModelAdmin):
    list_display = ["id", "title", "org", "service", "environment", "severity", "status", "source", "created_at"]
    list_display_links = ["id", "title"]
    list_filter = ["status", "severity", "source", "created_at"]
    list_select_related = ["org", "service", "environment"]
    search_fields = ["title", "description", "org__name", "service__name", "fingerprint", "=id", "=rule_id"]
    raw_id_fields = ["org", "service", "environment", "assignee"]
    readonly_fields = ["id", "fingerprint", "rule_id", "detections", "last_seen_at", "evidence_json", "created_at"]


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(AuditedModelAdmin):
    list_display = ["__str__", "org", "after_minutes", "repeats"]
    list_filter = ["severity"]
    list_select_related = ["org"]
    search_fields = ["org__name", "=rule_id"]
    raw_id_fields = ["org"]


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(AuditedModelAdmin):
    list_display = ["__str__", "org", "starts_at", "ends_at", "reason", "created_by"]
    list_filter = ["ends_at"]
    list_select_related = ["org", "service", "environment", "created_by"]
    search_fields = ["org__name", "service__name", "reason"]
    raw_id_fields = ["org", "service", "environment", "created_by"]


@admin.register(IncidentEvent)
class IncidentEventAdmin(ReadOnlyAdmin):
    list_display = ["incident", "type", "message", "actor_user", "created_at"]
    list_filter = ["type", "created_at"]
    list_select_related = ["incident", "actor_user"]
    search_fields = ["message", "incident__title", "actor_user__email", "=incident__id"]
