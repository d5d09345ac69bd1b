"""Counts by minute, and triggers that let scopes take their logs along. See the SQL beside this."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_baseline"),
        ("logs", "0004_partition_by_day"),
        ("services", "0003_key_labels_and_limits"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[run_sql_file(__file__, "0005_count_by_minute.sql")],
            state_operations=[
                migrations.CreateModel(
                    name="LogCount",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("minute", models.DateTimeField()),
                        (
                            "level",
                            models.TextField(
                                choices=[("debug", "Debug"), ("info", "Info"), ("warn", "Warn"), ("error", "Error")]
                            ),
                        ),
                        ("count", models.IntegerField()),
                        ("is_merged", models.BooleanField(db_default=False, default=False)),
                    ],
                    options={
                        "db_table": "log_counts",
                    },
                ),
                migrations.AddField(
                    model_name="logcount",
                    name="environment",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.environment",
                    ),
                ),
                migrations.AddField(
                    model_name="logcount",
                    name="org",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
                migrations.AddField(
                    model_name="logcount",
                    name="service",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.service",
                    ),
                ),
                migrations.AddIndex(
                    model_name="logcount",
                    index=models.Index(
                        condition=models.Q(("is_merged", False)), fields=["org", "minute"], name="log_counts_fresh_idx"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="logcount",
                    constraint=models.UniqueConstraint(fields=("org", "minute", "id"), name="log_counts_pkey"),
                ),
            ],
        ),
    ]
