"""Where messages go, and the outbox of those on their way."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from accounts.org_rows import OrgQuerySet
from notifications.channels import CHANNEL_TYPES, channel_type
from notifications.channels.base import ChannelType
from notifications.channels.posting import DEMO_HOST
from notifications.channels.secrets import are_readable
from notifications.messages import heading
from notifications.routing import Routing
from notifications.webhook_addresses import address_in

TEST_EVENT = "channel.test"


class ChannelQuerySet(OrgQuerySet["Channel"]):
    pass


class Channel(models.Model):
    """Where messages go; `type` is one of notifications/channels/, which knows what stands in `config_json`.

    `receiver` is who takes the messages, such as a host: receivers that do not answer are counted by it.

    `paused_until`: the receiver has asked to be left alone. `gather_until`: a message went out just now, so what comes
    meanwhile is gathered into one. `failures` counts those in a row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="channels", db_index=False)
    type = models.CharField(max_length=50, choices=[(kind.type, kind.label) for kind in CHANNEL_TYPES.values()])
    config_json = models.JSONField()
    enabled = models.BooleanField(default=True, db_default=True, null=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    name = models.TextField(default="", db_default="", blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    gather_until = models.DateTimeField(null=True, blank=True)
    failures = models.IntegerField(default=0, db_default=0)
    last_error = models.TextField(null=True, blank=True)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    receiver = models.TextField(default="", db_default="", blank=True, editable=False)
    last_refused_at = models.DateTimeField(null=True, blank=True, editable=False)  # a webhook back that was not genuine
    routing_json = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "notification_channels"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(type__in=sorted(CHANNEL_TYPES)), name="notification_channels_type_check"
            ),
        ]
        indexes = [models.Index(fields=["org"], name="idx_notification_channels_org_id")]

    def __str__(self) -> str:
        return self.name or f"{self.get_type_display()} {self.masked}"

    def save(self, **options: Any) -> None:
        """Save, with the receiver that the configuration names."""
        self.receiver = self.kind.receiver(self.config_json)
        if (fields := options.get("update_fields")) and "config_json" in fields:
            options["update_fields"] = {*fields, "receiver"}
        super().save(**options)

    @property
    def kind(self) -> ChannelType:
        """What the channel's kind does."""
        return channel_type(self.type)

    @property
    def routing(self) -> Routing:
        """What it is notified of, and when."""
        return Routing.from_json(self.routing_json)

    @property
    def webhook_url(self) -> str:
        """The secret address of a webhook; "" if there is none, or none that can be read."""
        return address_in(self.config_json) if self.is_readable else ""

    @property
    def is_readable(self) -> bool:
        """Whether its secrets can be decrypted with the keys that there are."""
        return are_readable(self.config_json)

    @property
    def is_demo(self) -> bool:
        """Whether this is a channel of the demo: it takes everything, and nothing leaves the machine."""
        return self.receiver == DEMO_HOST

    @property
    def masked(self) -> str:
        """Where its messages go, without the secret."""
        return self.kind.masked(self.config_json)

    @property
    def health(self) -> str:
        """In a word: off, failing, waiting (nothing sent yet) or ok."""
        if not self.enabled:
            return "off"
        if self.failures:
            return "failing"
        return "ok" if self.last_sent_at else "waiting"


class JobQuerySet(OrgQuerySet["Job"]):
    def outstanding(self) -> Self:
        """Those that are still to be delivered."""
        return self.filter(status__in=[Job.Status.PENDING, Job.Status.PROCESSING])


class Job(models.Model):
    """One message to one channel, from its event to its delivery; `type` is the event (incident.created, …).

    `processing` is a lease: it ends at `next_attempt_at`, and then any worker may take the job again. `lease` is who
    holds it. `batch` names the message that went or goes out: jobs with the same one are one message, and it is sent
    again under the same name, so a receiver can tell a duplicate.
    """

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
    channel = models.ForeignKey(
        Channel,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="jobs",
        db_index=False,
        db_constraint=False,
    )
    subject_id = models.BigIntegerField(null=True, blank=True)  # the incident: messages about one stay in order
    batch = models.UUIDField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)  # by quiet hours
    receipt = models.TextField(null=True, blank=True)  # what the receiver calls the message, to reply to it

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "notification_jobs"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "processing", "sent", "failed"]),
                name="notification_jobs_status_check",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "next_attempt_at"], name="idx_notification_jobs_status_next_attempt"),
            models.Index("org", models.F("created_at").desc(), name="notification_jobs_org_idx"),
            models.Index(
                fields=["channel", "created_at"],
                condition=models.Q(status__in=["pending", "processing"]),
                name="notification_jobs_due_idx",
            ),
            models.Index(
                fields=["subject_id"],
                condition=models.Q(subject_id__isnull=False),
                name="notification_jobs_subject_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.status}"

    @property
    def is_held(self) -> bool:
        """Whether quiet hours hold it back."""
        return bool(self.held_until and self.status == self.Status.PENDING and self.held_until > timezone.now())

    @property
    def state_label(self) -> str:
        """The status as people say it."""
        said = {self.Status.PENDING: "Waiting", self.Status.PROCESSING: "Sending"}
        return said.get(self.Status(self.status), self.status.capitalize())

    @property
    def word(self) -> str:
        """What it tells of, in words."""
        return heading(self.type)

    @property
    def title(self) -> str:
        """What it is about; of messages of other software too."""
        given = self.payload_json if isinstance(self.payload_json, dict) else {}
        return str(given.get("title") or self.word)

    @property
    def path(self) -> str:
        """The page that it is about on this installation, without the organisation; empty if there is none."""
        given = self.payload_json if isinstance(self.payload_json, dict) else {}
        path = str(given.get("path") or "").partition("?")[0]
        return path if path.startswith("/") and not path.startswith("//") else ""


class DeliveryAttemptQuerySet(OrgQuerySet["DeliveryAttempt"]):
    pass


class DeliveryAttempt(models.Model):
    """One try to send a message to a channel: what came of it, what the receiver said, and how long it took."""

    class Result(models.TextChoices):
        SENT = "sent", "Sent"
        LIMITED = "limited", "Asked to wait"
        RETRIED = "retried", "To be tried again"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    channel = models.ForeignKey(
        Channel, on_delete=models.DO_NOTHING, related_name="attempts", db_index=False, db_constraint=False
    )
    message_id = models.UUIDField()  # the batch of its jobs
    events = models.IntegerField()  # in the message
    result = models.CharField(max_length=10, choices=Result.choices)
    reason = models.TextField(default="", blank=True)  # what went wrong, or a remark
    seconds = models.FloatField()
    at = models.DateTimeField(default=timezone.now, db_default=Now())

    objects = DeliveryAttemptQuerySet.as_manager()

    class Meta:
        db_table = "notification_attempts"
        indexes = [models.Index("channel", models.F("id").desc(), name="notification_attempts_channel")]

    def __str__(self) -> str:
        return f"{self.result} {self.at:%F %T}"

    @property
    def state(self) -> str:
        """The result as other states look."""
        return {"limited": "waiting", "retried": "waiting"}.get(self.result, self.result)
