"""What every template may ask about the reader's organisation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.oidc.providers import site_provider
from accounts.second_factor import needs_second_factor


def tenancy(request: HttpRequest) -> dict[str, Any]:
    """Give `org`, `membership`, `memberships`, `is_admin`, `is_developer`; all empty when signed out. No queries."""
    membership = getattr(request, "membership", None)
    return {
        "org": getattr(request, "org", None),
        "membership": membership,
        "memberships": getattr(request, "memberships", []),
        "is_admin": bool(membership and membership.is_admin),
        "is_developer": bool(membership and membership.is_developer),
        "site_provider": site_provider(),
        "needs_second_factor": membership is not None and needs_second_factor(request),
    }
