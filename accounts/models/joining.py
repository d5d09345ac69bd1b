"""How people join an organisation: by an invitation, by an address that is theirs, by a provider of identities."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models.people import Org, Role, User
from accounts.org_rows import OrgQuerySet
from accounts.passwords import PasswordHashField


class IdentityProvider(models.Model):
    """The OpenID Connect provider that an organisation's members sign in by. Its secret is stored encrypted.

    `roles` maps a group's name to a role. `speaks_for_domains`, which superusers alone set: an address of `domains`
    that it calls verified is proved, so it makes accounts and members of its owners.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.OneToOneField(Org, on_delete=models.DO_NOTHING, related_name="identity_provider", db_constraint=False)
    name = models.TextField()
    issuer = models.TextField()
    client_id = models.TextField()
    client_secret_encrypted = models.TextField()
    domains = ArrayField(models.TextField(), default=list, blank=True)
    speaks_for_domains = models.BooleanField(default=False, db_default=False)
    group_claim = models.TextField(default="groups")
    roles = models.JSONField(default=dict, blank=True)
    default_role = models.TextField(choices=Role.choices, default=Role.VIEWER)
    enabled = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        db_table = "identity_providers"

    def __str__(self) -> str:
        return self.name


def invitation_expiry() -> Any:
    """A week from now."""
    return timezone.now() + timedelta(days=7)


class InvitationQuerySet(OrgQuerySet["Invitation"]):
    def pending(self) -> Self:
        """Those that can still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """An offer of a role to one e-mail address; the link's token is stored as its SHA-256 and works once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="invitations", db_constraint=False)
    email = models.TextField()
    role = models.TextField(choices=Role.choices)
    token_hash = models.TextField(unique=True)
    invited_by = models.ForeignKey(
        User,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    accepted_by = models.ForeignKey(
        User,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(default=invitation_expiry)
    mailed_at = models.DateTimeField(null=True, blank=True)
    mail_problem = models.TextField(default="", db_default="", blank=True)  # why it was not mailed, for its admins
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "invitations"
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitations_role_check"),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def is_pending(self) -> bool:
        """True while it can be accepted."""
        return self.accepted_at is None and self.revoked_at is None and not self.is_expired


def pending_address_expiry() -> Any:
    """A day from now."""
    return timezone.now() + timedelta(days=1)


class PendingAddress(models.Model):
    """An address that someone calls theirs; it counts once the link is opened that was mailed to it.

    With a `user` it is their new address, without one an account to be made. The token is stored as its SHA-256.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    email = models.TextField()
    user = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    name = models.TextField(null=True, blank=True)
    org_name = models.TextField(default="", db_default="", blank=True)
    password = PasswordHashField(db_column="password_hash", default="", db_default="")
    token_hash = models.TextField(unique=True, null=True)
    expires_at = models.DateTimeField(default=pending_address_expiry)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    class Meta:
        db_table = "pending_addresses"
        indexes = [models.Index(fields=["expires_at"], name="pending_addresses_expires_idx")]

    def __str__(self) -> str:
        return str(self.pk)
