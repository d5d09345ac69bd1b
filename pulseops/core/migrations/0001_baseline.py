"""The documented `cron_runs`, described as unmanaged: a database that has them keeps them, one that lacks them gets them."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = []

    operations = [
        run_sql_file(__file__, "0001_baseline.sql"),
        migrations.CreateModel(
            name="CronRun",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("job_name", models.TextField()),
                ("status", models.TextField(choices=[("success", "Success"), ("failure", "Failure")])),
                ("duration_ms", models.IntegerField(blank=True, null=True)),
                ("meta_json", models.JSONField(blank=True, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
            ],
            options={
                "managed": False,
                "db_table": "cron_runs",
                "ordering": ["-created_at", "-id"],
            },
        ),
    ]
