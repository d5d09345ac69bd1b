"""What an organisation watches, and the keys by which it is heard."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org, User
from accounts.org_rows import OrgQuerySet
from services.client_names import sender_label

RETENTION_DAYS_MIN, RETENTION_DAYS_MAX = 1, 365


class ServiceQuerySet(OrgQuerySet["Service"]):
    pass


class Service(models.Model):
    """One program of the organisation's that sends logs and is deployed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="services", db_index=False)
    name = models.TextField()
    description = models.TextField(null=True, blank=True)
    repo_url = models.TextField(null=True, blank=True)
    retention_days = models.IntegerField(
        default=7,
        db_default=7,
        validators=[MinValueValidator(RETENTION_DAYS_MIN), MaxValueValidator(RETENTION_DAYS_MAX)],
    )
    created_by = models.ForeignKey(
        User,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_column="created_by",
        db_index=False,
    )
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    # What is done to its logs before they are stored, as logs/ingest_rules reads it; each change makes a new version.
    ingest_rules = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    ingest_version = models.IntegerField(default=0, db_default=0, editable=False)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        db_table = "services"
        constraints = [models.UniqueConstraint(fields=["org", "name"], name="services_org_id_name_key")]
        indexes = [models.Index("org", models.F("created_at").desc(), name="idx_services_org_created")]

    def __str__(self) -> str:
        return self.name


class EnvironmentQuerySet(OrgQuerySet["Environment"]):
    org_path = "service__org"


class Environment(models.Model):
    """Where a service runs: production, staging, …"""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    service = models.ForeignKey(Service, on_delete=models.DO_NOTHING, related_name="environments", db_index=False)
    name = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        db_table = "environments"
        constraints = [models.UniqueConstraint(fields=["service", "name"], name="environments_service_id_name_key")]
        indexes = [models.Index(fields=["service"], name="idx_environments_service")]

    def __str__(self) -> str:
        return self.name


class NetworkField(models.TextField):
    """An address or a network, which PostgreSQL keeps as `cidr` and Python reads as text."""

    def db_type(self, connection: Any) -> str:
        return "cidr"

    def from_db_value(self, value: Any, *_: Any) -> str | None:
        """Return "192.0.2.0/24", or "192.0.2.7/32" for one address."""
        return None if value is None else str(value)


def both_scopes() -> list[str]:
    """What a key may do unless someone chooses: send logs and tell of deployments."""
    return list(ApiKey.Scope.values)


class ApiKeyQuerySet(OrgQuerySet["ApiKey"]):
    pass


class ApiKey(models.Model):
    """A key that one environment of one service sends with. Only its salted hash is kept.

    `revoked_at` may lie ahead: a rotated key works until then. `networks` None admits every address. With `origins` it
    is a key for browsers: scripts of those web pages send with it, and nothing else does.
    """

    class Scope(models.TextChoices):
        LOGS = "logs", "Send logs"
        DEPLOYMENTS = "deployments", "Report deployments"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="api_keys", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.DO_NOTHING, related_name="api_keys", db_index=False)
    environment = models.ForeignKey(Environment, on_delete=models.DO_NOTHING, related_name="api_keys", db_index=False)
    key_hash = models.TextField(unique=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    label = models.TextField(default="", db_default="", blank=True)
    last_four = models.TextField(default="", db_default="", blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    rate_per_minute = models.IntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    created_by = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False
    )
    scopes = ArrayField(
        models.TextField(choices=Scope.choices),
        default=both_scopes,
        db_default=RawSQL("'{logs,deployments}'::text[]", []),
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    networks = ArrayField(NetworkField(), null=True, blank=True)
    last_address = models.GenericIPAddressField(null=True, blank=True)
    last_protocol = models.TextField(default="", db_default="", blank=True)  # as in services.client_names
    last_client = models.TextField(default="", db_default="", blank=True)
    origins = ArrayField(models.TextField(), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=["logs", "deployments"], scopes__len__gt=0),
                name="api_keys_scopes_check",
            ),
            models.CheckConstraint(
                condition=models.Q(networks=None) | models.Q(networks__len__gt=0), name="api_keys_networks_check"
            ),
            models.CheckConstraint(
                condition=models.Q(origins=None) | models.Q(origins__len__gt=0, scopes=["logs"]),
                name="api_keys_origins_check",
            ),
        ]
        indexes = [
            models.Index(fields=["org", "service", "environment"], name="idx_api_keys_org_service_env"),
            GinIndex(fields=["origins"], condition=models.Q(origins__isnull=False), name="api_keys_origins_idx"),
        ]

    def __str__(self) -> str:
        return self.label or f"…{self.last_four}"

    @property
    def last_sender(self) -> str:
        """What the key was last used by: "by Filebeat 8.17.1 (Elasticsearch bulk)"; empty where it was not noted."""
        return sender_label(self.last_protocol, self.last_client)

    def is_live(self, at: datetime | None = None) -> bool:
        """Return whether the key authenticates at `at` (now unless given)."""
        ends = [each for each in (self.revoked_at, self.expires_at) if each]
        return not ends or min(ends) > (at or timezone.now())

    def is_revoked(self) -> bool:
        """Return whether someone has ended the key, or a rotation has."""
        return self.revoked_at is not None and self.revoked_at <= timezone.now()


class RateBucket(models.Model):
    """How many logs one key sent in one 60-second window, and how many bytes of them were read, stored or not.

    The table's primary key is (api_key_id, window_start); `id` is a unique column beside it, for the Django admin.
    """

    id = models.BigAutoField(primary_key=True)
    api_key = models.ForeignKey(ApiKey, on_delete=models.DO_NOTHING, related_name="buckets", db_index=False)
    window_start = models.DateTimeField()
    count = models.IntegerField(default=0, db_default=0)
    bytes = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "api_key_rate_buckets"
        constraints = [models.UniqueConstraint(fields=["api_key", "window_start"], name="api_key_rate_buckets_pkey")]

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.window_start:%H:%M} {self.count}"


class TokenBucket(models.Model):
    """How many more logs a key may send at once by a protocol that is not ours; `services.authentication` refills it.

    It is less than none after a batch that overdrew it. `seen_count` is what the window `seen_window` had counted when
    the bucket was last paid from; what came since came by our own protocol, and is paid for next time.
    """

    api_key = models.OneToOneField(
        ApiKey, on_delete=models.DO_NOTHING, primary_key=True, related_name="token_bucket", db_constraint=False
    )
    tokens = models.FloatField()
    filled_at = models.DateTimeField()
    seen_window = models.DateTimeField(null=True)
    seen_count = models.IntegerField(default=0, db_default=0)

    class Meta:
        db_table = "api_key_token_buckets"

    def __str__(self) -> str:
        return f"{self.api_key_id} {self.tokens:.0f}"
