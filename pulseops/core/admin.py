"""Job runs, heartbeats, the queue and what was taken over in the Django admin: to read, never to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q import admin as queue_admin
from django_q.models import Failure, OrmQ, Schedule, Success

from pulseops.core.models import AdoptedTable, AdoptionNote, CronRun, Heartbeat, SecretCheck

MOST_LETTERS = 200  # of what is searched for


class BoundedSearchAdmin(admin.ModelAdmin):
    """Searches for no more than the first letters: Django makes a condition of every word, and words are many."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as Django does."""
        return super().get_search_results(request, queryset, search_term[:MOST_LETTERS])


class ReadOnlyAdmin(BoundedSearchAdmin):
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


@admin.register(SecretCheck)
class SecretCheckAdmin(ReadOnlyAdmin):
    list_display = fields = ("name",)
    search_fields = ("name",)


# django-q's own pages let a superuser have the worker call any function, and call again what has failed. They are
# registered by now, since `queue_admin` is imported above; OrmQ only where the queue is in the database.
_REGISTERED = [kind for kind in (Schedule, Success, Failure, OrmQ) if queue_admin.admin.site.is_registered(kind)]
queue_admin.admin.site.unregister(_REGISTERED)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "func", "schedule_type", "minutes", "next_run", "repeats")
    search_fields = ("name", "func")


@admin.register(Success, Failure)
class TaskAdmin(ReadOnlyAdmin):
    list_display = ("name", "group", "func", "started", "stopped")
    list_filter = ("group",)
    search_fields = ("name", "func", "group")
    fields = ("name", "func", "group", "started", "stopped", "attempt_count", "result")


@admin.register(OrmQ)
class QueueAdmin(ReadOnlyAdmin):
    list_display = fields = ("id", "key", "name", "func", "lock")
    list_filter = ("key",)
