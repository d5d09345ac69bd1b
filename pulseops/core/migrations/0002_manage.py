"""Take over a table of job runs that was there before. From here on the tables are Django's to migrate."""

import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(
    __file__,
    renamed={"cron_runs": {"name": "job_name"}},
    obsolete_indexes={"cron_runs": {"btree (job_name, created_at DESC)": "ours is cron_runs_job_created_idx"}},
    script="0002_durations.sql",
)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_baseline")]

    operations = [
        migrations.CreateModel(
            name="AdoptedTable",
            fields=[
                ("table_name", models.TextField(primary_key=True, serialize=False)),
                ("rows_before", models.BigIntegerField()),
                ("rows_after", models.BigIntegerField(blank=True, null=True)),
                (
                    "adopted_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
                    ),
                ),
            ],
            options={"db_table": "adopted_tables"},
        ),
        migrations.CreateModel(
            name="AdoptionNote",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("table_name", models.TextField()),
                ("row_key", models.TextField(blank=True, db_default="", default="")),
                ("column_name", models.TextField(blank=True, db_default="", default="")),
                ("old_value", models.TextField(blank=True, null=True)),
                ("note", models.TextField()),
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
                "db_table": "adoption_notes",
                "indexes": [models.Index(fields=["table_name", "row_key"], name="adoption_notes_row_idx")],
            },
        ),
        ADOPTION.operation(),
        migrations.AlterModelOptions(
            name="cronrun",
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
    ]
