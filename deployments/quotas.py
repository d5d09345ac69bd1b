"""How many deployments an organisation may report a minute."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from accounts import usage
from accounts.quotas import Quota, register
from pulseops.core.web.json_errors import ApiError

_KIND = "deployments"


def spend_deployment(org_id: UUID) -> None:
    """Count a report of a deployment; raises ApiError 429 beyond QUOTA_DEPLOYMENTS_PER_MINUTE."""
    limit = settings.QUOTA_DEPLOYMENTS_PER_MINUTE
    if usage.spend(org_id, _KIND, limit=limit, period=usage.MINUTE) is None:
        raise ApiError(
            "RATE_LIMITED",
            f"This organisation may report {limit:,} deployments a minute.",
            retry_after=usage.seconds_left(usage.MINUTE),
        )


register(_KIND, Quota("QUOTA_DEPLOYMENTS_PER_MINUTE", "reports of deployments", period="a minute"))
