"""Deployments and deliveries for the operator. What machines wrote is read-only; of secrets not even the hash shows."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.audit.admin import AuditedModelAdmin
from deployments.models import Deployment, GitHubIntegration, WebhookDelivery, WebhookEffect
from pulseops.core.admin import ReadOnlyAdmin


@admin.register(Deployment)
class DeploymentAdmin(AuditedModelAdmin):
    list_display = ("short_sha", "service", "environment", "state_label", "source", "branch", "author", "created_at")
    list_filter = ("status", "source")
    list_select_related = ("service", "environment")
    search_fields = ("commit_sha", "commit_message", "author", "branch", "external_id", "service__name")
    raw_id_fields = ("org", "service", "environment")
    readonly_fields = ("created_at", "status_changed_at", "certainty", "is_commit_known")
    date_hierarchy = "created_at"
    show_full_result_count = False


@admin.register(GitHubIntegration)
class GitHubIntegrationAdmin(AuditedModelAdmin):
    list_display = ("repository", "service", "secret_version", "last_refused_at", "created_at")
    list_select_related = ("service",)
    search_fields = ("repo_owner", "repo_name", "service__name")
    raw_id_fields = ("service",)
    exclude = ("webhook_secret_hash",)
    readonly_fields = ("secret_version", "last_refused_at", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # it would have no secret: the service's page makes both


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("delivery_id", "event_type", "integration", "created_at")
    list_filter = ("event_type",)
    list_select_related = ("integration",)
    search_fields = ("delivery_id", "event_type", "payload_hash")


@admin.register(WebhookEffect)
class WebhookEffectAdmin(ReadOnlyAdmin):
    list_display = ("delivery_id", "event_type", "action", "integration", "result", "reason", "received_at")
    list_filter = ("result", "event_type")
    list_select_related = ("integration",)
    search_fields = ("delivery_id", "event_type", "reason", "payload_hash")
