"""Services and keys in the Django admin; keys are made and rotated on the pages, which show them once."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.audit.admin import AuditedModelAdmin
from services.models import ApiKey, Environment, RateBucket, Service, TokenBucket


class EnvironmentInline(admin.TabularInline):
    model = Environment
    extra = 0
    show_change_link = True


@admin.register(Service)
class ServiceAdmin(AuditedModelAdmin):
    list_display = ["name", "org", "retention_days", "created_by", "created_at"]
    list_filter = ["created_at", "retention_days"]
    list_select_related = ["org", "created_by"]
    search_fields = ["name", "description", "repo_url", "org__name", "=id"]
    raw_id_fields = ["org", "created_by"]
    readonly_fields = ["id", "created_at"]
    inlines = [EnvironmentInline]


@admin.register(Environment)
class EnvironmentAdmin(AuditedModelAdmin):
    list_display = ["name", "service", "org", "created_at"]
    list_filter = ["name"]
    list_select_related = ["service__org"]
    search_fields = ["name", "service__name", "service__org__name", "=id"]
    raw_id_fields = ["service"]
    readonly_fields = ["id", "created_at"]

    @admin.display(ordering="service__org__name")
    def org(self, environment: Environment) -> str:
        """Whose it is."""
        return str(environment.service.org)


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedModelAdmin):
    list_display = [
        "__str__",
        "org",
        "service",
        "environment",
        "rate_per_minute",
        "last_used_at",
        "expires_at",
        "revoked_at",
    ]
    list_filter = ["revoked_at", "expires_at", "last_used_at"]
    list_select_related = ["org", "service", "environment"]
    search_fields = ["label", "last_four", "service__name", "environment__name", "org__name", "=id"]
    readonly_fields = [
        *("id", "org", "service", "environment", "last_four", "created_by", "created_at"),
        *("last_used_at", "last_address", "last_protocol", "last_client", "scopes", "networks", "origins"),
    ]
    fields = [*readonly_fields, "label", "rate_per_minute", "expires_at", "revoked_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A key made here would have no hash that anyone knows the key of."""
        return False


@admin.register(RateBucket)
class RateBucketAdmin(AuditedModelAdmin):
    list_display = ["api_key", "window_start", "count", "bytes"]
    list_filter = ["window_start"]
    list_select_related = ["api_key"]
    search_fields = ["api_key__label", "api_key__last_four", "api_key__service__name", "=api_key__id"]
    ordering = ["-window_start"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RateBucket | None = None) -> bool:
        return False


@admin.register(TokenBucket)
class TokenBucketAdmin(AuditedModelAdmin):
    list_display = ["api_key", "tokens", "filled_at"]
    list_select_related = ["api_key"]
    search_fields = ["api_key__label", "api_key__last_four", "api_key__service__name", "=api_key__id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: TokenBucket | None = None) -> bool:
        return False
