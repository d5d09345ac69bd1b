"""How GitHub tells us: the repository of a service, its deliveries, and what each did."""

from __future__ import annotations

import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from accounts.models import User
from accounts.org_rows import OrgQuerySet
from deployments.models.deployment import Deployment
from services.models import Service


class GitHubIntegrationQuerySet(OrgQuerySet["GitHubIntegration"]):
    org_path = "service__org"


class GitHubIntegration(models.Model):
    """The repository whose webhooks speak for one service; the secret is derived, the table holds its hash.

    `environment_mapping` is branch (or a pattern like `release/*`) → environment name; `environment_names` is GitHub's
    name of an environment → ours, where they differ. `workflows` are the names of the workflows that deploy; none: all.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    service = models.OneToOneField(Service, on_delete=models.DO_NOTHING, related_name="github_integration")
    repo_owner = models.TextField()
    repo_name = models.TextField()
    webhook_secret_hash = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    environment_mapping = models.JSONField(default=dict, db_default={}, blank=True)
    environment_names = models.JSONField(default=dict, db_default={}, blank=True)
    workflows = models.JSONField(default=list, db_default=[], blank=True)
    secret_version = models.IntegerField(default=0, db_default=0, editable=False)  # 0: it never had one of ours
    secret_made_by = models.ForeignKey(  # and so has seen it; None: nobody has, or it is not known any more
        User, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False, editable=False
    )
    last_refused_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = GitHubIntegrationQuerySet.as_manager()

    class Meta:
        db_table = "github_integrations"
        verbose_name = "GitHub integration"
        indexes = [models.Index(Lower("repo_owner"), Lower("repo_name"), name="idx_github_integrations_repo")]

    def __str__(self) -> str:
        return self.repository

    def branches(self) -> dict[str, str]:
        """Branch or pattern → environment name; without what older installations may have put there besides."""
        return _texts(self.environment_mapping)

    def names_on_github(self) -> dict[str, str]:
        """GitHub's name of an environment → ours."""
        return _texts(self.environment_names)

    @property
    def repository(self) -> str:
        """`owner/name` as its admin wrote it; GitHub compares both without regard to case."""
        return f"{self.repo_owner}/{self.repo_name}"

    def is_of(self, repository: str) -> bool:
        """Return whether `repository`, `owner/name` in any case, is this one."""
        return repository.lower() == self.repository.lower()


def _texts(mapping: object) -> dict[str, str]:
    items = mapping.items() if isinstance(mapping, dict) else ()
    return {key: value for key, value in items if isinstance(value, str)}


class WebhookDelivery(models.Model):
    """One webhook that GitHub sent, under GitHub's own id. What it did stands in WebhookEffect."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    delivery_id = models.TextField(unique=True)
    integration = models.ForeignKey(
        GitHubIntegration,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
    )
    event_type = models.TextField()
    payload_hash = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    provider = models.TextField(default="github", db_default="github", editable=False)

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        indexes = [models.Index(fields=["created_at"], name="idx_webhook_deliveries_created")]

    def __str__(self) -> str:
        return f"{self.event_type} {self.delivery_id}"


class WebhookEffectQuerySet(OrgQuerySet["WebhookEffect"]):
    org_path = "integration__service__org"


class WebhookEffect(models.Model):
    """What one delivery did for one integration: a line of that integration's delivery log.

    GitHub's delivery id is unique for GitHub, but two organisations may map one repository, and neither may see or
    forestall the other's; so a delivery is a duplicate only within one integration. `event_json` holds what we read
    from the payload, as `deployments.github.payloads.Rollout`: enough to replay it, whatever the size of the body was.
    """

    class Result(models.TextChoices):
        APPLIED = "applied"
        IGNORED = "ignored"
        INVALID = "invalid"

    id = models.BigAutoField(primary_key=True)
    integration = models.ForeignKey(
        GitHubIntegration,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="effects",
        db_index=False,
        db_constraint=False,
    )
    delivery_id = models.TextField()
    event_type = models.TextField()
    action = models.TextField(default="", blank=True)
    payload_hash = models.TextField()
    result = models.TextField(choices=Result.choices)
    reason = models.TextField(default="", blank=True)
    event_json = models.JSONField(null=True, blank=True)
    deployment = models.ForeignKey(
        Deployment,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="effects",
        db_constraint=False,
    )
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    replayed_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookEffectQuerySet.as_manager()

    class Meta:
        db_table = "webhook_effects"
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "delivery_id"], nulls_distinct=False, name="webhook_effects_delivery_key"
            ),
            models.CheckConstraint(
                condition=models.Q(result__in=["applied", "ignored", "invalid"]), name="webhook_effects_result_check"
            ),
        ]
        indexes = [
            models.Index(
                "integration", models.F("received_at").desc(), models.F("id").desc(), name="idx_webhook_effects_log"
            ),
            models.Index(fields=["received_at"], name="idx_webhook_effects_received"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.delivery_id} {self.result}"

    @property
    def can_replay(self) -> bool:
        """Whether enough is kept to do it again."""
        return self.event_json is not None
