"""`logs` in one partition a day, without foreign keys, keyed (org_id, ts, id). See the SQL beside this."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("logs", "0003_remember_answers"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[run_sql_file(__file__, "0004_partition_by_day.sql")],
            state_operations=[
                migrations.RemoveIndex(
                    model_name="logentry",
                    name="logs_org_ts_idx",
                ),
                migrations.RemoveIndex(
                    model_name="logentry",
                    name="logs_message_fts_idx",
                ),
                migrations.RemoveIndex(
                    model_name="logentry",
                    name="logs_meta_gin_idx",
                ),
                migrations.AlterField(
                    model_name="logentry",
                    name="environment",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.environment",
                    ),
                ),
                migrations.AlterField(
                    model_name="logentry",
                    name="org",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
                migrations.AlterField(
                    model_name="logentry",
                    name="service",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.service",
                    ),
                ),
                migrations.AddIndex(
                    model_name="logentry",
                    index=django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.search.SearchVector("message", config="simple"),
                        condition=models.Q(("level", "error")),
                        name="logs_message_fts_idx",
                    ),
                ),
                migrations.AddIndex(
                    model_name="logentry",
                    index=django.contrib.postgres.indexes.GinIndex(
                        fields=["meta_json"], name="logs_meta_gin_idx", opclasses=["jsonb_path_ops"]
                    ),
                ),
                migrations.AddIndex(
                    model_name="logentry",
                    index=django.contrib.postgres.indexes.HashIndex(fields=["trace_id"], name="logs_trace_idx"),
                ),
                migrations.AddIndex(
                    model_name="logentry",
                    index=django.contrib.postgres.indexes.HashIndex(fields=["request_id"], name="logs_request_idx"),
                ),
                migrations.AddIndex(
                    model_name="logentry",
                    index=models.Index(
                        condition=models.Q(("level", "error")),
                        fields=["org", "created_at"],
                        include=("environment",),
                        name="logs_error_received_idx",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="logentry",
                    constraint=models.UniqueConstraint(fields=("org", "ts", "id"), name="logs_org_ts_idx"),
                ),
            ],
        ),
    ]
