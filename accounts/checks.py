"""System checks for the settings of accounts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage


@checks.register()
def audit_retention_is_sane(**_: Any) -> list[CheckMessage]:
    """AUDIT_RETENTION_DAYS below zero would delete rows from the future's point of view: all of them."""
    if settings.AUDIT_RETENTION_DAYS >= 0:
        return []
    return [
        checks.Error(
            f"AUDIT_RETENTION_DAYS is {settings.AUDIT_RETENTION_DAYS}.",
            hint="Set it to the number of days that audit rows are kept, or to 0 to keep them for ever.",
            id="pulseops.E010",
        )
    ]
