"""The worker's heartbeat, and the table behind the shared cache."""

from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_manage"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("beat_at", models.DateTimeField()),
                (
                    "detail",
                    models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
                ),
            ],
            options={
                "db_table": "heartbeats",
            },
        ),
        migrations.AddIndex(
            model_name="cronrun",
            index=models.Index(
                models.F("job_name"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="cron_runs_job_created_idx",
            ),
        ),
        run_sql_file(__file__, "0003_cache_table.sql"),
    ]
