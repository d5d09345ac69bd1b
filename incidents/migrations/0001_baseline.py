"""The documented `incidents` and `incident_events`, described as unmanaged: a database that has them keeps them, one that lacks them gets them."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_baseline"),
        ("services", "0001_baseline"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        run_sql_file(__file__, "0001_baseline.sql"),
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("title", models.TextField()),
                ("description", models.TextField(blank=True, null=True)),
                ("severity", models.TextField(choices=[("low", "Low"), ("med", "Medium"), ("high", "High")])),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("open", "Open"),
                            ("investigating", "Investigating"),
                            ("resolved", "Resolved"),
                        ]
                    ),
                ),
                (
                    "source",
                    models.TextField(choices=[("alert", "Alert"), ("manual", "Manual"), ("deployment", "Deployment")]),
                ),
                ("fingerprint", models.TextField(blank=True, null=True)),
                ("rule_id", models.BigIntegerField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "environment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="incidents",
                        to="services.environment",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="incidents",
                        to="accounts.org",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="incidents",
                        to="services.service",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "incidents",
            },
        ),
        migrations.CreateModel(
            name="IncidentEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("type", models.TextField()),
                ("message", models.TextField()),
                ("meta_json", models.JSONField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "actor_user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "incident_events",
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                models.F("org"),
                models.F("status"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="idx_incidents_org_status_ts",
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                models.F("org"),
                models.F("service"),
                models.F("environment"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="idx_incidents_org_svc_env_ts",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__in", ["low", "med", "high"])), name="incidents_severity_check"
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "investigating", "resolved"])),
                name="incidents_status_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["alert", "manual", "deployment"])),
                name="incidents_source_check",
            ),
        ),
        migrations.AddIndex(
            model_name="incidentevent",
            index=models.Index(fields=["incident", "created_at"], name="idx_incident_events_incident_ts"),
        ),
    ]
