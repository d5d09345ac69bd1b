"""When an incident opens by itself."""

from __future__ import annotations

from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from accounts.org_rows import OrgQuerySet
from incidents.models import Incident, Severity
from services.models import Environment, Service


class AlertRuleQuerySet(OrgQuerySet["AlertRule"]):
    pass


class AlertRule(models.Model):
    """A condition to watch; without a service or environment it watches each of them on its own.

    `params_json` is read by alerts.params. `problem` says why the rule cannot be evaluated, None when it can. Each
    time in a row that counting took too long is one of its `overruns`; after some the rule rests until `paused_until`.
    """

    class Type(models.TextChoices):
        ERROR_COUNT = "error_count", "Error count"
        DEPLOYMENT_FAILURE = "deployment_failure", "Deployment failure"
        NO_DATA = "no_data", "No data"

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Org, on_delete=models.DO_NOTHING, related_name="alert_rules", db_index=False)
    service = models.ForeignKey(
        Service,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="alert_rules",
        db_index=False,
    )
    environment = models.ForeignKey(
        Environment,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="alert_rules",
        db_index=False,
    )
    name = models.TextField()
    type = models.TextField(choices=Type.choices)
    params_json = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    severity = models.TextField(choices=Severity.choices)
    enabled = models.BooleanField(default=True, db_default=True)
    cooldown_seconds = models.IntegerField(default=300, db_default=300, validators=[MinValueValidator(0)])
    created_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)

    muted_until = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(null=True, blank=True)
    overruns = models.IntegerField(default=0, db_default=0)
    paused_until = models.DateTimeField(null=True, blank=True)

    objects = AlertRuleQuerySet.as_manager()

    class Meta:
        db_table = "alert_rules"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(type__in=["error_count", "deployment_failure", "no_data"]),
                name="alert_rules_type_check",
            ),
            models.CheckConstraint(condition=models.Q(severity__in=Severity.values), name="alert_rules_severity_check"),
        ]
        indexes = [models.Index(fields=["org", "enabled"], name="idx_alert_rules_org_enabled")]

    def __str__(self) -> str:
        return self.name


class AlertFiringQuerySet(OrgQuerySet["AlertFiring"]):
    org_path = "rule__org"

    def going_on(self) -> Self:
        """Those of conditions that hold now."""
        return self.filter(resolved_at=None, environment__isnull=False)


class AlertFiring(models.Model):
    """The last time that a rule's condition held for one fingerprint, until `resolved_at`; the next time reuses it.

    `fingerprint` is "type:service id:environment id". `clear_since` is set while the condition is clear but has not
    been for long enough. `count` is what was counted last, at `last_seen_at`.
    """

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(AlertRule, on_delete=models.DO_NOTHING, related_name="firings", db_index=False)
    fired_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    last_notified_at = models.DateTimeField(null=True, blank=True)
    fingerprint = models.TextField()
    environment = models.ForeignKey(
        Environment,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    incident = models.ForeignKey(
        Incident,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="firings",
        db_constraint=False,
    )
    clear_since = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    count = models.IntegerField(default=0, db_default=0)

    objects = AlertFiringQuerySet.as_manager()

    class Meta:
        db_table = "alert_firings"
        constraints = [
            models.UniqueConstraint(fields=["rule", "fingerprint"], name="alert_firings_rule_id_fingerprint_key")
        ]
        indexes = [models.Index("rule", models.F("fired_at").desc(), name="idx_alert_firings_rule_fired")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.fired_at:%F %T}"


class AlertPending(models.Model):
    """A condition that holds since `since` but has to for longer before its rule fires."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(
        AlertRule, on_delete=models.DO_NOTHING, related_name="pending", db_index=False, db_constraint=False
    )
    environment = models.ForeignKey(
        Environment, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    since = models.DateTimeField()

    class Meta:
        db_table = "alert_pendings"
        verbose_name = "pending alert"
        constraints = [models.UniqueConstraint(fields=["rule", "environment"], name="alert_pendings_key")]

    def __str__(self) -> str:
        return f"{self.rule_id} since {self.since:%F %T}"


class AlertEvaluation(models.Model):
    """How far the evaluation of an organisation's rules has come; a row of each that has had a turn.

    A turn that is too short for all rules is followed by one that goes on at `next_rule`. `evaluated_at` is as of when
    all of them were evaluated; the round that is under way began at `round_at`.
    """

    org = models.OneToOneField(
        Org, on_delete=models.DO_NOTHING, primary_key=True, related_name="+", db_constraint=False
    )
    turn_at = models.DateTimeField()
    evaluated_at = models.DateTimeField(null=True, blank=True)
    round_at = models.DateTimeField(null=True, blank=True)
    next_rule = models.BigIntegerField(null=True, blank=True)
    seconds = models.FloatField(default=0, db_default=0)  # that the last turn took

    class Meta:
        db_table = "alert_evaluations"

    def __str__(self) -> str:
        return f"{self.org_id} {self.turn_at:%F %T}"
