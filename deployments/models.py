"""What went out, and how GitHub tells us."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from services.models import Environment, Service


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def for_org(self, org: Org) -> Self:
        return self.filter(org=org)


class Deployment(models.Model):
    """One commit on its way to one environment."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SUCCESS = "success"
        FAILURE = "failure"

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="deployments", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.DO_NOTHING, related_name="deployments", db_index=False)
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, related_name="deployments", db_index=False
    )
    commit_sha = models.TextField()
    commit_message = models.TextField(null=True, blank=True)
    author = models.TextField(null=True, blank=True)
    branch = models.TextField(null=True, blank=True)
    status = models.TextField(choices=Status.choices)
    github_delivery_id = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        db_table = "deployments"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "success", "failure"]),
                name="deployments_status_check",
            ),
        ]
        indexes = [models.Index("org", "service", models.F("created_at").desc(), name="idx_deployments_org_svc_ts")]

    def __str__(self) -> str:
        return f"{self.commit_sha[:7]} {self.status}"


class GitHubIntegrationQuerySet(models.QuerySet["GitHubIntegration"]):
    def for_org(self, org: Org) -> Self:
        return self.filter(service__org=org)


class GitHubIntegration(models.Model):
    """The repository whose webhooks speak for one service; the secret is derived, the table holds its hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    service = models.OneToOneField(Service, on_delete=models.DO_NOTHING, related_name="github_integration")
    repo_owner = models.TextField()
    repo_name = models.TextField()
    webhook_secret_hash = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = GitHubIntegrationQuerySet.as_manager()

    class Meta:
        db_table = "github_integrations"
        verbose_name = "GitHub integration"

    def __str__(self) -> str:
        return f"{self.repo_owner}/{self.repo_name}"


class WebhookDelivery(models.Model):
    """One webhook that GitHub sent; `delivery_id` is GitHub's, so a second sending is known."""

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

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"

    def __str__(self) -> str:
        return f"{self.event_type} {self.delivery_id}"
