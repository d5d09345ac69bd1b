"""Django admin pages whose changes stand in our audit log as well as in Django's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.audit import record as audit
from accounts.models import Org
from pulseops.core.db.answer_timeout import HOURS, answers_may_take


class AuditedModelAdmin(admin.ModelAdmin):
    """Writes an audit row for whatever an operator adds, changes or deletes."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "admin.added", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, "admin.changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            self._record(request, "admin.deleted", obj)
        return super().log_deletions(request, queryset)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with answers_may_take(HOURS):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with answers_may_take(HOURS):
            super().delete_queryset(request, queryset)

    def _record(self, request: Any, action: str, obj: Any, message: Any = None) -> None:
        org = _org_of(obj)
        if action == "admin.deleted" and isinstance(obj, Org):
            org = None
        fields = [field for part in message or [] for field in part.get("changed", {}).get("fields", [])]
        meta = {"name": str(obj), **({"fields": fields} if fields else {})}
        audit.record(actor=request.user, org=org, action=action, resource=obj, meta=meta)


def _org_of(obj: Any) -> Org | None:
    """Return the organisation that a row belongs to, itself or through its service; None for installation-wide rows."""
    if isinstance(obj, Org):
        return obj
    return getattr(obj, "org", None) or getattr(getattr(obj, "service", None), "org", None)
