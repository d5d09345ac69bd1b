"""What services tell us back of the alerts that they have from us."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from accounts.org_rows import OrgQuerySet
from notifications.models.outbox import Channel


class ReceivedEventQuerySet(OrgQuerySet["ReceivedEvent"]):
    pass


class ReceivedEvent(models.Model):
    """What a channel's service told us of an alert there, once, and what came of it here.

    `event_id` is the service's name of the event, `alert_id` that of the alert, by which later events are known to be
    about the same `subject_id`.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    channel = models.ForeignKey(
        Channel, on_delete=models.DO_NOTHING, related_name="received", db_index=False, db_constraint=False
    )
    event_id = models.TextField()
    word = models.TextField(default="", blank=True)  # the service's own: incident.acknowledged
    by = models.TextField(default="", blank=True)
    alert_id = models.TextField(default="", blank=True)
    subject_id = models.BigIntegerField(null=True, blank=True)
    result = models.TextField(default="", blank=True)
    at = models.DateTimeField(default=timezone.now, db_default=Now())

    objects = ReceivedEventQuerySet.as_manager()

    class Meta:
        db_table = "notification_received_events"
        constraints = [
            models.UniqueConstraint(fields=["channel", "event_id"], name="notification_received_events_key"),
        ]
        indexes = [
            models.Index("channel", models.F("id").desc(), name="notification_received_channel"),
            models.Index(
                fields=["channel", "alert_id"],
                condition=models.Q(subject_id__isnull=False),
                name="notification_received_alert",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.word} {self.at:%F %T}"
