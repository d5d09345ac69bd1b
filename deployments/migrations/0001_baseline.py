"""The documented `deployments`, `github_integrations` and `webhook_deliveries`, described as unmanaged: a database that has them keeps them, one that lacks them gets them."""

import uuid

import django.contrib.postgres.functions
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
            name="GitHubIntegration",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("repo_owner", models.TextField()),
                ("repo_name", models.TextField()),
                ("webhook_secret_hash", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "service",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="github_integration",
                        to="services.service",
                    ),
                ),
            ],
            options={
                "managed": False,
                "verbose_name": "GitHub integration",
                "db_table": "github_integrations",
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("delivery_id", models.TextField(unique=True)),
                ("event_type", models.TextField()),
                ("payload_hash", models.TextField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "integration",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deliveries",
                        to="deployments.githubintegration",
                    ),
                ),
            ],
            options={
                "managed": False,
                "verbose_name_plural": "webhook deliveries",
                "db_table": "webhook_deliveries",
            },
        ),
        migrations.CreateModel(
            name="Deployment",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("commit_sha", models.TextField()),
                ("commit_message", models.TextField(blank=True, null=True)),
                ("author", models.TextField(blank=True, null=True)),
                ("branch", models.TextField(blank=True, null=True)),
                (
                    "status",
                    models.TextField(choices=[("pending", "Pending"), ("success", "Success"), ("failure", "Failure")]),
                ),
                ("github_delivery_id", models.TextField(blank=True, null=True)),
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
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deployments",
                        to="services.environment",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deployments",
                        to="accounts.org",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deployments",
                        to="services.service",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "deployments",
                "indexes": [
                    models.Index(
                        models.F("org"),
                        models.F("service"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        name="idx_deployments_org_svc_ts",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "success", "failure"])),
                        name="deployments_status_check",
                    )
                ],
            },
        ),
    ]
