"""Organisations, people, how they join, and the audit log.

References that the database cascades say DO_NOTHING here: ON DELETE stands in the schema, so Django keeps out of it.
"""

from __future__ import annotations

from accounts.models.audit import AuditLog, AuditLogQuerySet
from accounts.models.joining import (
    IdentityProvider,
    Invitation,
    InvitationQuerySet,
    PendingAddress,
    invitation_expiry,
    pending_address_expiry,
)
from accounts.models.people import (
    Membership,
    MembershipQuerySet,
    Org,
    OrgUsage,
    Role,
    Session,
    User,
    UserManager,
)

__all__ = [
    "AuditLog",
    "AuditLogQuerySet",
    "IdentityProvider",
    "Invitation",
    "InvitationQuerySet",
    "Membership",
    "MembershipQuerySet",
    "Org",
    "OrgUsage",
    "PendingAddress",
    "Role",
    "Session",
    "User",
    "UserManager",
    "invitation_expiry",
    "pending_address_expiry",
]
