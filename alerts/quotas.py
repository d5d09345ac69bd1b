"""How many alert rules an organisation may have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.models import Org
from accounts.quotas import Quota, register
from alerts.models import AlertRule


def _rules(org: Org) -> Sequence[QuerySet[Any]]:
    return (AlertRule.objects.for_org(org),)


register("rules", Quota("QUOTA_RULES", "alert rules", _rules))
