"""Django admin pages whose changes stand in our audit log as well as in Django's: what was before, what is now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.audit.changes import changes_of
from accounts.audit.record import record_in
from accounts.models import Org, User
from accounts.queries import orgs_of
from pulseops.core.admin import BoundedSearchAdmin
from pulseops.core.db.answer_timeout import HOURS, answers_may_take

AS_SUPERUSER = {"as": "superuser"}


@dataclass(frozen=True, slots=True)
class _Act:
    """One row that was added, changed or deleted, with its fields' values before and after."""

    action: str
    row: Any
    key: str
    changes: dict[str, list[Any]] = field(default_factory=dict)


class AuditedModelAdmin(BoundedSearchAdmin):
    """Writes an audit row for each row that an operator adds, changes or deletes, those of its inlines too.

    It stands in the log of every organisation that the row, or the person whose row it is, belongs to.
    """

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        """Note what the forms changed; Django asks for it once they are saved, and before it logs."""
        request.audited_changes = changes_of(form)  # type: ignore[attr-defined]
        for formset in formsets or []:
            for act in _acts_of(formset):
                self._record(request, act)
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._record(request, _Act("admin.added", obj, str(obj.pk)))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        if changes := getattr(request, "audited_changes", {}):
            self._record(request, _Act("admin.changed", obj, str(obj.pk), changes))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            self._record(request, _Act("admin.deleted", obj, str(obj.pk)))
        return super().log_deletions(request, queryset)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with answers_may_take(HOURS):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with answers_may_take(HOURS):
            super().delete_queryset(request, queryset)

    def _record(self, request: Any, act: _Act) -> None:
        about = act.row.audit_meta() if hasattr(act.row, "audit_meta") else {"name": str(act.row)}
        meta = {**about, **AS_SUPERUSER, **({"changes": act.changes} if act.changes else {})}
        model = act.row._meta.model_name
        record_in(
            _orgs_of(act), actor=request.user, action=act.action, resource_type=model, resource_id=act.key, meta=meta
        )


def _acts_of(formset: Any) -> Iterator[_Act]:
    """Say what a saved formset did to each of its rows."""
    deleted, new = ({id(row) for row in rows} for rows in (formset.deleted_objects, formset.new_objects))
    changed = {id(row) for row, _ in formset.changed_objects}
    for form in formset.forms:
        row = form.instance
        if id(row) in deleted:
            yield _Act("admin.deleted", row, _posted_key(form))  # Django has taken its key from the row by now
        elif id(row) in new:
            yield _Act("admin.added", row, str(row.pk))
        elif id(row) in changed and (changes := changes_of(form)):
            yield _Act("admin.changed", row, str(row.pk), changes)


def _posted_key(form: forms.ModelForm) -> str:
    return str(form[form._meta.model._meta.pk.name].value())


def _orgs_of(act: _Act) -> list[Org]:
    """Return the organisations that a row concerns: its own, its service's, or all those of the person it is about."""
    row = act.row
    if isinstance(row, Org):
        return [] if act.action == "admin.deleted" else [row]
    if isinstance(row, User):
        return orgs_of(row)
    org = getattr(row, "org", None) or getattr(getattr(row, "service", None), "org", None)
    if org:
        return [org]
    user = getattr(row, "user", None)
    return orgs_of(user) if isinstance(user, User) else []
