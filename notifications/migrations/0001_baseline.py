"""The documented `notification_channels` and `notification_jobs`, described as unmanaged: a database that has them keeps them, one that lacks them gets them."""

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
    ]

    operations = [
        run_sql_file(__file__, "0001_baseline.sql"),
        migrations.CreateModel(
            name="Channel",
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
                (
                    "type",
                    models.CharField(choices=[("discord", "Discord"), ("slack", "Slack")], max_length=50),
                ),
                ("config_json", models.JSONField()),
                ("enabled", models.BooleanField(db_default=True, default=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="channels",
                        to="accounts.org",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "notification_channels",
                "indexes": [models.Index(fields=["org"], name="idx_notification_channels_org_id")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("type__in", ["discord", "slack"])),
                        name="notification_channels_type_check",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Job",
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
                ("type", models.CharField(max_length=50)),
                ("payload_json", models.JSONField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("processing", "Processing"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                        ],
                        max_length=50,
                    ),
                ),
                ("attempts", models.IntegerField(db_default=0, default=0, null=True)),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                    ),
                ),
                ("last_error", models.TextField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notification_jobs",
                        to="accounts.org",
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "notification_jobs",
                "indexes": [
                    models.Index(fields=["status", "next_attempt_at"], name="idx_notification_jobs_status_next_attempt")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "processing", "sent", "failed"])),
                        name="notification_jobs_status_check",
                    )
                ],
            },
        ),
    ]
