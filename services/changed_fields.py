"""What a change of a row changes: the fields before and after, for the audit log."""

from __future__ import annotations

from typing import Any

from django.db import models


def apply_changes(row: models.Model, wanted: dict[str, Any]) -> dict[str, list[Any]]:
    """Set what differs on `row`; return each changed field with what it was and what it is, as audit rows show it."""
    changes = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
    for name, (_, value) in changes.items():
        setattr(row, name, value)
    return changes
