"""Where messages go, and the outbox of those on their way."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org


class ChannelQuerySet(models.QuerySet["Channel"]):
    def for_org(self, org: Org) -> Self:
        return self.filter(org=org)


class Channel(models.Model):
    """A Slack or Discord webhook; `config_json` holds `webhook_url`, which is a secret and shown masked."""

    class Type(models.TextChoices):
        DISCORD = "discord", "Discord"
        SLACK = "slack", "Slack"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="channels", db_index=False)
    type = models.CharField(max_length=50, choices=Type.choices)
    config_json = models.JSONField()
    enabled = models.BooleanField(default=True, db_default=True, null=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "notification_channels"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(type__in=["discord", "slack"]), name="notification_channels_type_check"
            ),
        ]
        indexes = [models.Index(fields=["org"], name="idx_notification_channels_org_id")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class JobQuerySet(models.QuerySet["Job"]):
    def for_org(self, org: Org) -> Self:
        return self.filter(org=org)


class Job(models.Model):
    """One message to one channel, from its event to its delivery; `type` is the event (incident.created, …)."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        PROCESSING = "processing", "Processing"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="notification_jobs", db_index=False)
    type = models.CharField(max_length=50)
    payload_json = models.JSONField()
    status = models.CharField(max_length=50, choices=Status.choices)
    attempts = models.IntegerField(default=0, db_default=0, null=True)
    next_attempt_at = models.DateTimeField(default=timezone.now, db_default=Now())
    last_error = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "notification_jobs"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "processing", "sent", "failed"]),
                name="notification_jobs_status_check",
            ),
        ]
        indexes = [models.Index(fields=["status", "next_attempt_at"], name="idx_notification_jobs_status_next_attempt")]

    def __str__(self) -> str:
        return f"{self.type} {self.status}"
