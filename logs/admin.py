"""Logs in the Django admin: to look at, never to change. The table is large, so nothing here counts or sorts it."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from logs.models import IngestReceipt, LogEntry, SavedView


class UncountedPaginator(Paginator):
    """Pages without a count(*): it takes this many rows to be there, and empty pages follow the last one."""

    ROWS = 1_000

    @cached_property
    def count(self) -> int:
        return self.ROWS


class ReadOnlyAdmin(admin.ModelAdmin):
    """A table that people look at."""

    paginator = UncountedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "ts", "level", "org", "service", "environment", "summary")
    list_select_related = ("org", "service", "environment")
    list_filter = ("level",)
    search_fields = ("id__exact", "trace_id__exact", "request_id__exact")
    search_help_text = "An id, a trace id or a request id"
    ordering = ()

    @admin.display(description="message")
    def summary(self, log: LogEntry) -> str:
        return log.message[:120]


@admin.register(IngestReceipt)
class IngestReceiptAdmin(ReadOnlyAdmin):
    list_display = ("id", "idempotency_key", "api_key", "created_at")
    list_select_related = ("api_key",)
    search_fields = ("idempotency_key__exact", "api_key__id__exact")
    ordering = ()


@admin.register(SavedView)
class SavedViewAdmin(admin.ModelAdmin):
    list_display = ("name", "org", "owner", "is_shared", "created_at")
    list_select_related = ("org", "owner")
    list_filter = ("is_shared",)
    search_fields = ("name", "org__name", "owner__email")
    raw_id_fields = ("org", "owner")
