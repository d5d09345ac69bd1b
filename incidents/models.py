"""What is wrong, and everything that was done about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org, User
from accounts.org_rows import OrgQuerySet
from incidents.escalation import Policy
from services.models import Environment, Service


class Severity(models.TextChoices):
    """How bad it is, from least to most."""

    LOW = "low", "Low"
    MEDIUM = "med", "Medium"
    HIGH = "high", "High"


class IncidentQuerySet(OrgQuerySet["Incident"]):
    def live(self) -> Self:
        """Those that are not resolved."""
        return self.exclude(status=Incident.Status.RESOLVED)


class Incident(models.Model):
    """Something wrong with one service in one environment, from its opening to its end.

    `detections` counts how often its rule found it, `last_seen_at` is when it last did; `evidence_json` is what the
    rule saw when it fired (incidents.evidence), and never changes.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        INVESTIGATING = "investigating", "Acknowledged"  # the stored word is of the documented schema
        RESOLVED = "resolved", "Resolved"

    class Source(models.TextChoices):
        ALERT = "alert", "Alert"
        MANUAL = "manual", "Manual"
        DEPLOYMENT = "deployment", "Deployment"

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="incidents", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.DO_NOTHING, related_name="incidents", db_index=False)
    environment = models.ForeignKey(Environment, on_delete=models.DO_NOTHING, related_name="incidents", db_index=False)
    title = models.TextField()
    description = models.TextField(null=True, blank=True)
    severity = models.TextField(choices=Severity.choices)
    status = models.TextField(choices=Status.choices)
    source = models.TextField(choices=Source.choices)
    fingerprint = models.TextField(null=True, blank=True)
    rule_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    assignee = models.ForeignKey(
        User,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    investigating_at = models.DateTimeField(null=True, blank=True)  # when it was first acknowledged
    detections = models.IntegerField(default=0, db_default=0)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    evidence_json = models.JSONField(null=True, blank=True)
    reopened_at = models.DateTimeField(null=True, blank=True)  # the last time
    escalation_steps = models.IntegerField(default=0, db_default=0)  # that were taken since it opened last
    escalated_at = models.DateTimeField(null=True, blank=True)  # when the last of these was
    snoozed_until = models.DateTimeField(null=True, blank=True)
    silenced_until = models.DateTimeField(null=True, blank=True)  # opened in maintenance that ends then
    # What a review says of it beside the description: one line why, who felt it, and what is to be done, one a line.
    cause = models.TextField(default="", db_default="", blank=True)
    impact = models.TextField(default="", db_default="", blank=True)
    follow_ups = models.TextField(default="", db_default="", blank=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        db_table = "incidents"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(severity__in=["low", "med", "high"]), name="incidents_severity_check"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["open", "investigating", "resolved"]),
                name="incidents_status_check",
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=["alert", "manual", "deployment"]),
                name="incidents_source_check",
            ),
            # However many evaluators see the same trouble at once, it is one incident.
            models.UniqueConstraint(
                fields=["rule_id", "fingerprint"],
                condition=models.Q(status__in=["open", "investigating"]),
                name="incidents_live_key",
            ),
        ]
        indexes = [
            models.Index("org", "status", models.F("created_at").desc(), name="idx_incidents_org_status_ts"),
            models.Index(
                "org",
                "service",
                "environment",
                models.F("created_at").desc(),
                name="idx_incidents_org_svc_env_ts",
            ),
            models.Index(
                "org",
                models.F("created_at").desc(),
                condition=~models.Q(status="resolved"),
                name="idx_incidents_org_live",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_snoozed(self) -> bool:
        """Whether it is to be left alone now."""
        return self.is_live and self.snoozed_until is not None and self.snoozed_until > timezone.now()

    @property
    def is_silenced(self) -> bool:
        """Whether it opened in maintenance that is still on, so that nothing is sent about it."""
        return self.is_live and self.silenced_until is not None and self.silenced_until > timezone.now()

    @property
    def first_line(self) -> str:
        """The first of the lines that its rule saw, "" if there are none."""
        seen: Any = self.evidence_json
        try:
            return str(seen["samples"][0]["message"])[:200]
        except (KeyError, IndexError, TypeError):
            return ""

    @property
    def is_live(self) -> bool:
        """Whether it is not resolved."""
        return self.status != self.Status.RESOLVED


class EscalationPolicyQuerySet(OrgQuerySet["EscalationPolicy"]):
    pass


class EscalationPolicy(models.Model):
    """How open incidents of one severity, or of one rule, are brought up again; see incidents.escalation."""

    org = models.ForeignKey(
        Org, on_delete=models.DO_NOTHING, related_name="escalation_policies", db_index=False, db_constraint=False
    )
    severity = models.TextField(choices=Severity.choices, null=True, blank=True)
    rule_id = models.BigIntegerField(null=True, blank=True)
    after_minutes = models.IntegerField()
    repeats = models.IntegerField()
    channels_json = models.JSONField(default=list)  # ids of the channels that are notified from the second step on

    objects = EscalationPolicyQuerySet.as_manager()

    class Meta:
        db_table = "escalation_policies"
        verbose_name_plural = "escalation policies"
        constraints = [
            models.UniqueConstraint(fields=["org", "severity"], name="escalation_policies_severity_key"),
            models.UniqueConstraint(fields=["org", "rule_id"], name="escalation_policies_rule_key"),
            models.CheckConstraint(
                condition=models.Q(severity__isnull=True) ^ models.Q(rule_id__isnull=True),
                name="escalation_policies_target_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_severity_display()} severity" if self.severity else f"rule {self.rule_id}"

    @property
    def policy(self) -> Policy:
        """What it says."""
        channels = self.channels_json if isinstance(self.channels_json, list) else []
        return Policy(timedelta(minutes=self.after_minutes), self.repeats, tuple(map(str, channels)))


class MaintenanceWindowQuerySet(OrgQuerySet["MaintenanceWindow"]):
    pass


class MaintenanceWindow(models.Model):
    """A time in which nothing is sent about the incidents of a service, or of one of its environments."""

    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    service = models.ForeignKey(
        Service, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    reason = models.TextField(default="", blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )

    objects = MaintenanceWindowQuerySet.as_manager()

    class Meta:
        db_table = "maintenance_windows"
        indexes = [models.Index(fields=["org", "ends_at"], name="maintenance_windows_org_idx")]

    def __str__(self) -> str:
        return f"{self.service.name} / {self.environment.name}" if self.environment else self.service.name


class IncidentEvent(models.Model):
    """One entry of an incident's timeline; no actor means the system did it.

    `happened_at` is given where someone noted later what happened then.
    """

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, on_delete=models.DO_NOTHING, related_name="events", db_index=False)
    actor_user = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False
    )
    type = models.TextField()
    message = models.TextField()
    meta_json = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    happened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "incident_events"
        indexes = [models.Index(fields=["incident", "created_at"], name="idx_incident_events_incident_ts")]

    def __str__(self) -> str:
        return f"{self.type}: {self.message[:60]}"

    @property
    def author(self) -> str:
        """Who it was: a user, someone by the name that another service knows, or PulseOps itself."""
        meta = self.meta_json if isinstance(self.meta_json, dict) else {}
        return self.actor_user.display_name if self.actor_user else str(meta.get("author") or "PulseOps")

    @property
    def at(self) -> datetime:
        """Where it stands in the timeline."""
        return self.happened_at or self.created_at
