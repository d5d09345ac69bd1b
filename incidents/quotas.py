"""How many maintenance windows an organisation may have on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Org
from accounts.quotas import Quota, register
from incidents.models import MaintenanceWindow


def _windows(org: Org) -> Sequence[QuerySet[Any]]:
    return (MaintenanceWindow.objects.for_org(org).filter(ends_at__gt=timezone.now()),)


register("maintenance", Quota("QUOTA_MAINTENANCE", "maintenance windows at once", _windows))
