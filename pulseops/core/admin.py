"""Job runs, heartbeats and what was taken over in the Django admin: to read, never to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from pulseops.core.models import AdoptedTable, AdoptionNote, CronRun, Heartbeat


class ReadOnlyAdmin(admin.ModelAdmin):
    """For rows that only the system writes: to look at and to search."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CronRun)
class CronRunAdmin(ReadOnlyAdmin):
    list_display = ("job_name", "status", "duration_ms", "created_at")
    list_filter = ("status", "job_name")
    search_fields = ("job_name", "meta_json__correlation_id")
    date_hierarchy = "created_at"


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "beat_at")
    search_fields = ("name",)


@admin.register(AdoptedTable)
class AdoptedTableAdmin(ReadOnlyAdmin):
    list_display = ("table_name", "rows_before", "rows_after", "adopted_at")
    search_fields = ("table_name",)


@admin.register(AdoptionNote)
class AdoptionNoteAdmin(ReadOnlyAdmin):
    list_display = ("table_name", "row_key", "column_name", "old_value", "note")
    list_filter = ("table_name",)
    search_fields = ("table_name", "row_key", "old_value", "note")
    show_full_result_count = False
