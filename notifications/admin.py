"""Channels and their messages in the Django admin. Webhook addresses are secrets and not shown, nor are payloads."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.audit.admin import AuditedModelAdmin
from notifications.models import Channel, DeliveryAttempt, Job, ReceivedEvent
from pulseops.core.admin import ReadOnlyAdmin


@admin.register(Channel)
class ChannelAdmin(AuditedModelAdmin):
    list_display = ["__str__", "org", "type", "enabled", "failures", "last_sent_at", "last_failed_at"]
    list_filter = ["type", "enabled", "last_failed_at"]
    list_select_related = ["org"]
    search_fields = ["name", "org__name", "last_error", "=id"]
    readonly_fields = [
        "id", "org", "type", "masked", "failures", "last_error", "last_sent_at", "last_failed_at", "created_at",
    ]  # fmt: skip
    fields = [*readonly_fields, "name", "enabled", "paused_until"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Channels are added on their page, which checks the address."""
        return False


@admin.register(Job)
class JobAdmin(AuditedModelAdmin):
    list_display = ["type", "org", "channel", "status", "attempts", "next_attempt_at", "sent_at", "last_error"]
    list_filter = ["status", "type", "created_at"]
    list_select_related = ["org", "channel"]
    search_fields = ["org__name", "last_error", "=id", "=batch", "=subject_id"]
    readonly_fields = [
        "id", "org", "channel", "type", "subject_id", "batch", "attempts", "last_error", "sent_at", "created_at",
    ]  # fmt: skip
    fields = [*readonly_fields, "status", "next_attempt_at"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Messages are written by what happened."""
        return False


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(ReadOnlyAdmin):
    list_display = ["at", "channel", "org", "result", "events", "seconds", "reason"]
    list_filter = ["result", "at"]
    list_select_related = ["org", "channel"]
    search_fields = ["channel__name", "org__name", "reason", "=message_id"]
    show_full_result_count = False


@admin.register(ReceivedEvent)
class ReceivedEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "channel", "org", "word", "by", "subject_id", "result"]
    list_filter = ["at"]
    list_select_related = ["org", "channel"]
    search_fields = ["channel__name", "org__name", "by", "alert_id", "=subject_id"]
    show_full_result_count = False
