"""Logs in the Django admin: to look at, never to change. The table is large, so nothing here counts or sorts it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

from accounts.audit.admin import AuditedModelAdmin
from logs.admin_entries import entry_at, object_id_of, sealed_entries
from logs.models import IngestReceipt, IngestRefusal, LogBlock, LogCount, LogEntry, RuleCount, SavedView
from pulseops.core.admin import ReadOnlyAdmin


class UncountedPaginator(Paginator):
    """Pages without a count(*): it takes this many rows to be there, and empty pages follow the last one."""

    ROWS = 1_000

    @cached_property
    def count(self) -> int:
        return self.ROWS

    def _check_object_list_is_ordered(self) -> None:
        """Nothing orders these rows, and that is meant."""


class UnsortedChangeList(ChangeList):
    """Rows as the database finds them: Django would sort all of the table by its `id`, which no index begins with."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return []


class LargeTableAdmin(ReadOnlyAdmin):
    """A table that people look at, too large to count or sort."""

    paginator = UncountedPaginator
    list_per_page = 50
    ordering = ()
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UnsortedChangeList


class LogChangeList(UnsortedChangeList):
    """Rows, and behind them what is sealed."""

    def get_results(self, request: HttpRequest) -> None:
        """Fill a page that rows do not fill."""
        super().get_results(request)
        rows, before = list(self.result_list), (self.page_num - 1) * self.list_per_page
        if len(rows) < self.list_per_page:
            offset = 0 if rows or not before else before - self.queryset[: UncountedPaginator.ROWS].count()
            sealed, is_whole = sealed_entries(
                request.GET.get("level__exact", ""), self.query.split(), offset, self.list_per_page - len(rows)
            )
            if not is_whole:
                messages.warning(request, "There was no time to look through all sealed logs: the explorer goes on.")
            rows += sealed
        self.result_list = rows

    def url_for_result(self, result: Model) -> str:
        """Return the page of a log by its key: by its number alone, blocks could not tell which has it."""
        assert isinstance(result, LogEntry)
        return reverse("admin:logs_logentry_change", args=[quote(object_id_of(result))], current_app="admin")


@admin.register(LogEntry)
class LogEntryAdmin(LargeTableAdmin):
    list_display = ("id", "ts", "level", "org", "service", "environment", "summary")
    list_select_related = ("org", "service", "environment")
    list_filter = ("level",)
    search_fields = ("trace_id__exact", "request_id__exact")
    search_help_text = "A trace id or a request id"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LogChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> LogEntry | None:
        """Return a log by what `url_for_result` names it, a row also by its number alone."""
        return entry_at(object_id) or super().get_object(request, object_id, from_field)

    @admin.display(description="message")
    def summary(self, log: LogEntry) -> str:
        return log.message[:120]


@admin.register(LogBlock)
class LogBlockAdmin(LargeTableAdmin):
    """Sealed logs by their blocks; what is in one is read in the explorer."""

    list_display = ("id", "start_ts", "end_ts", "count", "org", "service", "environment", "sealed_at")
    list_select_related = ("org", "service", "environment")
    search_fields = ("id__exact",)
    fields = (*list_display, "received_from", "received_to", "levels", "ranges")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogBlock]:
        return super().get_queryset(request).only(*self.fields)


@admin.register(IngestRefusal)
class IngestRefusalAdmin(ReadOnlyAdmin):
    list_display = ["day", "service", "protocol", "reason", "count", "last_at"]
    list_filter = ["day", "protocol"]
    list_select_related = ["service"]
    search_fields = ["service__name", "reason", "=api_key__id"]


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


@admin.register(RuleCount)
class RuleCountAdmin(ReadOnlyAdmin):
    list_display = ["day", "service", "kind", "rule", "count"]
    list_filter = ["kind", "day"]
    list_select_related = ["service"]
    search_fields = ["rule", "service__name"]
