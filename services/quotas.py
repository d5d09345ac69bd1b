"""What an organisation may have of services, environments and API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Org
from accounts.quotas import Quota, register, register_limit
from services.models import ApiKey, Environment, Service


def _services(org: Org) -> Sequence[QuerySet[Any]]:
    return (Service.objects.for_org(org),)


def _environments(org: Org) -> Sequence[QuerySet[Any]]:
    return (Environment.objects.for_org(org),)


def _keys(org: Org) -> Sequence[QuerySet[Any]]:
    """Live keys and the day's own, so that making and revoking without end has one."""
    now = timezone.now()
    is_live = Q(revoked_at=None) | Q(revoked_at__gt=now)
    return (ApiKey.objects.for_org(org).filter(is_live | Q(created_at__gt=now - timedelta(days=1))),)


register_limit(Quota("INGEST_RATE_PER_MINUTE", "logs", period="a minute and key, unless the key has its own figure"))
register_limit(Quota("INGEST_BYTES_PER_MINUTE", "bytes of logs", period="a minute and key"))
register("services", Quota("QUOTA_SERVICES", "services", _services))
register("environments", Quota("QUOTA_ENVIRONMENTS", "environments", _environments))
register("keys", Quota("QUOTA_KEYS", "API keys (with those made within a day)", _keys))
