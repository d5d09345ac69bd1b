"""The table of sealed logs, and the triggers that take them along with their scope. See the SQL beside this."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


def _owner(to: str, *, null: bool = False) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        null=null,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [("logs", "0014_refused_clients")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[run_sql_file(__file__, "0015_seal_logs.sql")],
            state_operations=[
                migrations.CreateModel(
                    name="LogBlock",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("start_ts", models.DateTimeField()),
                        ("end_ts", models.DateTimeField()),
                        ("received_from", models.DateTimeField()),
                        ("received_to", models.DateTimeField()),
                        ("count", models.IntegerField()),
                        (
                            "levels",
                            django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None),
                        ),
                        ("text_sig", models.BinaryField()),
                        ("id_sig", models.BinaryField()),
                        ("ranges", models.JSONField(null=True)),
                        ("narrow", models.BinaryField()),
                        ("message", models.BinaryField()),
                        ("meta", models.BinaryField()),
                        ("trace", models.BinaryField()),
                        ("request", models.BinaryField()),
                        (
                            "sealed_at",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(),
                                default=django.utils.timezone.now,
                                editable=False,
                            ),
                        ),
                        ("org", _owner("accounts.org")),
                        ("service", _owner("services.service", null=True)),
                        ("environment", _owner("services.environment", null=True)),
                    ],
                    options={
                        "db_table": "log_blocks",
                        "indexes": [
                            models.Index(
                                fields=["org", "end_ts", "start_ts"], include=("count",), name="log_blocks_time_idx"
                            ),
                            models.Index(
                                fields=["org", "service", "environment", "end_ts"], name="log_blocks_scope_idx"
                            ),
                            models.Index(fields=["org", "received_to"], name="log_blocks_received_idx"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("org", "id"), name="log_blocks_pkey"),
                            models.CheckConstraint(condition=models.Q(("count__gt", 0)), name="log_blocks_count_check"),
                        ],
                    },
                ),
            ],
        ),
    ]
