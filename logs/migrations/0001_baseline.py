"""The documented `logs`, described as unmanaged: a database that has them keeps them, one that lacks them gets them."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
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
            name="LogEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("ts", models.DateTimeField()),
                (
                    "level",
                    models.TextField(
                        choices=[("debug", "Debug"), ("info", "Info"), ("warn", "Warn"), ("error", "Error")]
                    ),
                ),
                ("message", models.TextField()),
                ("meta_json", models.JSONField(blank=True, null=True)),
                ("trace_id", models.TextField(blank=True, null=True)),
                ("request_id", models.TextField(blank=True, null=True)),
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
                        related_name="+",
                        to="services.environment",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.service",
                    ),
                ),
            ],
            options={
                "managed": False,
                "verbose_name": "log",
                "db_table": "logs",
                "indexes": [
                    models.Index(
                        models.F("org"),
                        models.F("service"),
                        models.F("environment"),
                        models.OrderBy(models.F("ts"), descending=True),
                        name="logs_scope_ts_idx",
                    ),
                    models.Index(
                        models.F("org"),
                        models.OrderBy(models.F("ts"), descending=True),
                        name="logs_org_ts_idx",
                    ),
                    models.Index(
                        models.F("org"),
                        models.F("level"),
                        models.OrderBy(models.F("ts"), descending=True),
                        name="logs_level_idx",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.search.SearchVector("message", config="simple"),
                        name="logs_message_fts_idx",
                    ),
                    django.contrib.postgres.indexes.GinIndex(fields=["meta_json"], name="logs_meta_gin_idx"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["debug", "info", "warn", "error"])),
                        name="logs_level_check",
                    )
                ],
            },
        ),
    ]
