"""What a form changed, field by field, as audit rows show it: before and after, and never a secret."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from django import forms
from django.db.models import Model

SECRET = "•••"  # noqa: S105  # what stands in the place of one
_LONGEST = 200  # characters of a value
_SECRET_NAMES = re.compile(r"password|secret|token|hash|config|credential|webhook|codes|api_?key", re.IGNORECASE)


def changes_of(form: forms.BaseForm) -> dict[str, list[Any]]:
    """Return what a valid form changed: each field's value before and after, where these differ."""
    changes = {name: _change(form, name) for name in form.changed_data}
    return {name: change for name, change in changes.items() if change[0] != change[1] or change[0] == SECRET}


def _change(form: forms.BaseForm, name: str) -> list[Any]:
    field = form.fields.get(name)
    if field is None or isinstance(field.widget, forms.PasswordInput) or _SECRET_NAMES.search(name):
        return [SECRET, SECRET]  # a form that tells of a field which it does not have speaks of a password
    return [_plain(form.get_initial_for_field(field, name)), _plain(form.cleaned_data.get(name))]


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it: a row as its key, a text cut."""
    if isinstance(value, Model):
        value = value.pk
    if isinstance(value, datetime | date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
