"""How many deployments and deliveries of webhooks an organisation may report a minute."""

from __future__ import annotations

from uuid import UUID

from accounts import usage
from accounts.quotas import QUOTAS, Quota, register
from accounts.refused import note_refused
from pulseops.core.web.json_errors import ApiError

_DEPLOYMENTS, _WEBHOOKS = "deployments", "webhooks"


def spend_deployment(org_id: UUID) -> None:
    """Count a report of a deployment; raises ApiError 429 beyond QUOTA_DEPLOYMENTS_PER_MINUTE."""
    if not _spend(org_id, _DEPLOYMENTS):
        raise _too_many(_DEPLOYMENTS)


def has_room_for_delivery(org_id: UUID) -> bool:
    """Count a delivery that was verified; returns False beyond QUOTA_WEBHOOKS_PER_MINUTE."""
    return _spend(org_id, _WEBHOOKS)


def too_many_deliveries() -> ApiError:
    """Make the 429 for a delivery."""
    return _too_many(_WEBHOOKS)


def _spend(org_id: UUID, kind: str) -> bool:
    quota = QUOTAS[kind]
    if usage.spend(org_id, kind, limit=quota.limit, period=usage.MINUTE) is not None:
        return True
    note_refused(org_id, quota.setting)
    return False


def _too_many(kind: str) -> ApiError:
    quota = QUOTAS[kind]
    message = f"This organisation may send {quota.limit:,} {quota.noun} a minute."
    return ApiError("RATE_LIMITED", message, retry_after=usage.seconds_left(usage.MINUTE), limit=quota.setting)


register(_DEPLOYMENTS, Quota("QUOTA_DEPLOYMENTS_PER_MINUTE", "reports of deployments", period="a minute"))
register(_WEBHOOKS, Quota("QUOTA_WEBHOOKS_PER_MINUTE", "deliveries of webhooks", period="a minute"))
