"""Organisations, people, and what they may do."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Func, JSONField, Value
from django.db.models.functions import Now, Upper
from django.utils import timezone

from accounts.org_rows import OrgQuerySet
from accounts.passwords import PasswordHashField

PREFERENCE_MAX = 2_000  # characters


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
    preferences = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), editable=False)

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

    def preference(self, name: str) -> str:
        """Return what the user chose, "" if nothing. It came with the session, so this costs nothing."""
        kept = self.preferences if isinstance(self.preferences, dict) else {}
        value = kept.get(name)
        return value if isinstance(value, str) else ""

    def keep_preferences(self, chosen: Mapping[str, str]) -> None:
        """Keep these choices; an empty one is none. Others that are made at the same moment stay.

        A value of more than PREFERENCE_MAX characters is not kept.
        """
        changed = {
            name: value
            for name, value in chosen.items()
            if value != self.preference(name) and len(value) <= PREFERENCE_MAX
        }
        if not changed:
            return
        merged: Any = Func(
            F("preferences"), Value(changed, JSONField()), template="(%(expressions)s)", arg_joiner=" || "
        )
        User.objects.filter(pk=self.pk).update(preferences=merged)
        self.preferences = {**(self.preferences if isinstance(self.preferences, dict) else {}), **changed}

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
