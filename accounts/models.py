"""Organisations, people, and what they may do.

References that the database cascades say DO_NOTHING here: ON DELETE stands in the schema, so Django keeps out of it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now, Upper
from django.utils import timezone

from accounts.org_rows import OrgQuerySet
from accounts.passwords import PasswordHashField


class Role(models.TextChoices):
    """What a member may do; each role may do all that the ones before it may."""

    VIEWER = "viewer", "Viewer"
    DEVELOPER = "developer", "Developer"
    ADMIN = "admin", "Admin"

    @property
    def rank(self) -> int:
        """0 for viewer, 1 for developer, 2 for admin."""
        return list(Role).index(self)

    def includes(self, needed: Role) -> bool:
        """Return whether this role may do what `needed` may."""
        return self.rank >= needed.rank


class Org(models.Model):
    """A tenant: everything else belongs to one.

    A deleted one has lost its members and waits, with `deleted_at` set, for a job to remove its rows, maybe millions.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    name = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    requires_two_factor = models.BooleanField(default=False, db_default=False)
    purged_at = models.DateTimeField(null=True, blank=True, editable=False)  # then only its audit log is left
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    suspended_reason = models.TextField(default="", db_default="", blank=True, editable=False)

    class Meta:
        db_table = "orgs"
        verbose_name = "organisation"

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users; addresses keep their case, but their domain is lower-cased."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user; raises ValueError without an address. No password means none will ever match."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user who may open the Django admin and see the whole installation."""
        return self.create_user(email, password, **{**fields, "is_superuser": True})


class User(AbstractBaseUser):
    """A person. Rights inside an organisation come from a Membership; a superuser runs the installation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    email = models.TextField(unique=True)
    name = models.TextField(null=True, blank=True)
    password = PasswordHashField(db_column="password_hash")
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    is_active = models.BooleanField(default=True, db_default=True)
    is_superuser = models.BooleanField(default=False, db_default=False)
    is_demo = models.BooleanField(default=False, db_default=False, editable=False)  # made by PulseOps, to look around
    # When a link that was mailed to the address was opened. Empty: no one has shown yet that it is theirs.
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)  # the row stays, for the audit log's sake

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        db_table = "users"
        indexes = [models.Index(Upper("email"), name="users_email_upper_idx")]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new password or a deactivation ends every session, by whatever way it comes."""
        is_known = not self._state.adding
        has_new_password = self._password is not None  # type: ignore[attr-defined]  # not in the stubs
        super().save(*args, **kwargs)
        if is_known and (has_new_password or not self.is_active):
            self.sessions.all().delete()

    @property
    def display_name(self) -> str:
        """The name, or where there is none the address."""
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        return self.is_superuser

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """The Django admin is the superusers' alone: there is no finer grain."""
        return self.is_active and self.is_superuser

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return self.is_active and self.is_superuser

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_superuser


class OrgUsage(models.Model):
    """How much of something an organisation has used in a day or a minute (UTC), against its quotas."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    kind = models.TextField()
    period = models.DateTimeField()
    amount = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "org_usage"
        constraints = [models.UniqueConstraint(fields=["org", "kind", "period"], name="org_usage_of_a_period")]
        indexes = [models.Index(fields=["period"], name="org_usage_period_idx")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.org_id}: {self.amount}"


class MembershipQuerySet(OrgQuerySet["Membership"]):
    pass


class Membership(models.Model):
    """One person's role in one organisation.

    The table's primary key is (org_id, user_id) as documented; `id` is a unique column beside it, because the Django
    admin cannot show a model with a composite key.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="memberships", db_index=False)
    user = models.ForeignKey(User, on_delete=models.DO_NOTHING, related_name="memberships", db_index=False)
    role = models.TextField(choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        db_table = "org_members"
        constraints = [
            models.UniqueConstraint(fields=["org", "user"], name="org_members_pkey"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="org_members_role_check"),
        ]
        indexes = [models.Index(fields=["user"], name="idx_org_members_user_id")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.org_id}"

    def audit_meta(self) -> dict[str, str]:
        """Say in an audit row whose membership it is."""
        return {"email": self.user.email, "user_id": str(self.user_id), "role": self.role}

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_developer(self) -> bool:
        """True for developers and for admins."""
        return Role(self.role).includes(Role.DEVELOPER)


class Session(models.Model):
    """A browser that is signed in, or on its way to it.

    The cookie holds 32 random bytes as hex, the row their SHA-256. `data` keeps what else Django stores.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    user = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="sessions", db_index=False
    )
    session_token_hash = models.TextField(unique=True)
    active_org = models.ForeignKey(
        Org, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    data = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(default="", db_default="", blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    is_new_device = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "sessions"
        indexes = [
            models.Index(fields=["user"], name="idx_sessions_user_id"),
            models.Index(fields=["expires_at"], name="idx_sessions_expires_at"),
        ]

    def __str__(self) -> str:
        return str(self.id)


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


class AuditLogQuerySet(OrgQuerySet["AuditLog"]):
    pass


class AuditLog(models.Model):
    """Who did what to what, when, from where. A trigger refuses UPDATE and DELETE but by cascade and retention."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, null=True, blank=True, db_index=False)
    actor_user = models.ForeignKey(User, on_delete=models.DO_NOTHING, null=True, blank=True, db_index=False)
    action = models.TextField()
    resource_type = models.TextField()
    resource_id = models.TextField(null=True, blank=True)
    meta_json = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    correlation_id = models.TextField(null=True, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    objects = AuditLogQuerySet.as_manager()

    class Meta:
        db_table = "audit_logs"
        indexes = [
            models.Index(
                "org", models.F("created_at").desc(), models.F("id").desc(), name="audit_logs_org_created_idx"
            ),
            models.Index("org", "action", models.F("created_at").desc(), name="audit_logs_org_action_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.resource_type} {self.resource_id or ''}".rstrip()
