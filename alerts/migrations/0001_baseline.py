"""The documented `alert_rules` and `alert_firings`, described as unmanaged: a database that has them keeps them, one that lacks them gets them."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_baseline"),
        ("services", "0001_baseline"),
    ]

    operations = [
        run_sql_file(__file__, "0001_baseline.sql"),
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                (
                    "type",
                    models.TextField(
                        choices=[("error_count", "Error count"), ("deployment_failure", "Deployment failure")]
                    ),
                ),
                (
                    "params_json",
                    models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("severity", models.TextField(choices=[("low", "Low"), ("med", "Medium"), ("high", "High")])),
                ("enabled", models.BooleanField(db_default=True, default=True)),
                (
                    "cooldown_seconds",
                    models.IntegerField(
                        db_default=300, default=300, validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="alert_rules",
                        to="services.environment",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="alert_rules",
                        to="accounts.org",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="alert_rules",
                        to="services.service",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "alert_rules",
            },
        ),
        migrations.CreateModel(
            name="AlertFiring",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("fired_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("last_notified_at", models.DateTimeField(blank=True, null=True)),
                ("fingerprint", models.TextField()),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="firings",
                        to="alerts.alertrule",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "alert_firings",
            },
        ),
        migrations.AddIndex(
            model_name="alertrule",
            index=models.Index(fields=["org", "enabled"], name="idx_alert_rules_org_enabled"),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["error_count", "deployment_failure"])),
                name="alert_rules_type_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["low", "med", "high"])),
                name="alert_rules_severity_check",
            ),
        ),
        migrations.AddIndex(
            model_name="alertfiring",
            index=models.Index(
                models.F("rule"),
                models.OrderBy(models.F("fired_at"), descending=True),
                name="idx_alert_firings_rule_fired",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertfiring",
            constraint=models.UniqueConstraint(
                fields=("rule", "fingerprint"), name="alert_firings_rule_id_fingerprint_key"
            ),
        ),
    ]
