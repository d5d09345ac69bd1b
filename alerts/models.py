"""When an incident opens by itself."""

from __future__ import annotations

from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Org
from incidents.models import Severity
from services.models import Environment, Service


class AlertRuleQuerySet(models.QuerySet["AlertRule"]):
    def for_org(self, org: Org) -> Self:
        return self.filter(org=org)


class AlertRule(models.Model):
    """A condition to watch; without a service or environment it watches each of them on its own."""

    class Type(models.TextChoices):
        ERROR_COUNT = "error_count", "Error count"
        DEPLOYMENT_FAILURE = "deployment_failure", "Deployment failure"

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

    objects = AlertRuleQuerySet.as_manager()

    class Meta:
        db_table = "alert_rules"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(type__in=["error_count", "deployment_failure"]),
                name="alert_rules_type_check",
            ),
            models.CheckConstraint(condition=models.Q(severity__in=Severity.values), name="alert_rules_severity_check"),
        ]
        indexes = [models.Index(fields=["org", "enabled"], name="idx_alert_rules_org_enabled")]

    def __str__(self) -> str:
        return self.name


class AlertFiring(models.Model):
    """One time that a rule's condition held for one fingerprint, until `resolved_at`."""

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(AlertRule, on_delete=models.DO_NOTHING, related_name="firings", db_index=False)
    fired_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    last_notified_at = models.DateTimeField(null=True, blank=True)
    fingerprint = models.TextField()

    class Meta:
        db_table = "alert_firings"
        constraints = [
            models.UniqueConstraint(fields=["rule", "fingerprint"], name="alert_firings_rule_id_fingerprint_key")
        ]
        indexes = [models.Index("rule", models.F("fired_at").desc(), name="idx_alert_firings_rule_fired")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.fired_at:%F %T}"
