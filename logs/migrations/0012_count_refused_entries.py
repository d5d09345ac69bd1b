"""How many entries of each key were refused, and why."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_address_index_and_deleted_orgs"),
        ("logs", "0011_delete_logs_as_the_owner"),
        ("services", "0006_token_buckets"),
    ]

    operations = [
        migrations.CreateModel(
            name="IngestRefusal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("protocol", models.TextField()),
                ("reason", models.TextField()),
                ("count", models.BigIntegerField()),
                ("sample", models.TextField(db_default="", default="")),
                (
                    "last_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.apikey",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="services.service",
                    ),
                ),
            ],
            options={
                "db_table": "ingest_refusals",
                "indexes": [
                    models.Index(
                        models.F("org"),
                        models.F("service"),
                        models.OrderBy(models.F("last_at"), descending=True),
                        name="ingest_refusals_service_idx",
                    ),
                    models.Index(fields=["last_at"], name="ingest_refusals_last_idx"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("api_key", "day", "protocol", "reason"), name="ingest_refusals_key_day_key"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            """
            ALTER TABLE ingest_refusals ADD CONSTRAINT ingest_refusals_api_key_id_fkey
                FOREIGN KEY (api_key_id) REFERENCES api_keys (id) ON DELETE CASCADE
            """,
            "ALTER TABLE ingest_refusals DROP CONSTRAINT ingest_refusals_api_key_id_fkey",
        ),
    ]
