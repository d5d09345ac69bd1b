"""Logs in the Django admin: to look at, never to change. The table is large, so nothing here counts or sorts it."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.functional import cached_property

from accounts.audited_admin import AuditedModelAdmin
from logs.models import IngestReceipt, LogCount, LogEntry, SavedView
from pulseops.core.admin import ReadOnlyAdmin


class UncountedPaginator(Paginator):
    """Pages without a count(*): it takes this many rows to be there, and empty pages follow the last one."""

    ROWS = 1_000

    @cached_property
    def count(self) -> int:
        return self.ROWS


class LargeTableAdmin(ReadOnlyAdmin):
    """A table that people look at, too large to count or sort."""

    paginator = UncountedPaginator
    list_per_page = 50
    ordering = ()


@admin.register(LogEntry)
class LogEntryAdmin(LargeTableAdmin):
    list_display = ("id", "ts", "level", "org", "service", "environment", "summary")
    list_select_related = ("org", "service", "environment")
    list_filter = ("level",)
    search_fields = ("id__exact", "trace_id__exact", "request_id__exact")
    search_help_text = "An id, a trace id or a request id"

    @admin.display(description="message")
    def summary(self, log: LogEntry) -> str:
        return log.message[:120]


@admin.register(IngestReceipt)
class IngestReceiptAdmin(LargeTableAdmin):
    list_display = ("id", "idempotency_key", "api_key", "created_at")
    list_select_related = ("api_key",)
    search_fields = ("idempotency_key__exact", "api_key__id__exact")


@admin.register(LogCount)
class LogCountAdmin(LargeTableAdmin):
    list_display = ("id", "minute", "org", "service", "environment", "level", "count", "is_merged")
    list_select_related = ("org", "service", "environment")
    list_filter = ("level", "is_merged")
    search_fields = ("org__name", "service__name")


@admin.register(SavedView)
class SavedViewAdmin(AuditedModelAdmin):
    list_display = ("name", "org", "owner", "is_shared", "created_at")
    list_select_related = ("org", "owner")
    list_filter = ("is_shared",)
    search_fields = ("name", "org__name", "owner__email")
    raw_id_fields = ("org", "owner")
