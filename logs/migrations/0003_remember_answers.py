"""Answers to batches that came with an Idempotency-Key."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [
        ("logs", "0002_manage"),
        ("services", "0003_key_labels_and_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="IngestReceipt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("idempotency_key", models.TextField()),
                ("answer", models.JSONField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=django.utils.timezone.now,
                        editable=False,
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
            ],
            options={
                "db_table": "ingest_receipts",
                "indexes": [models.Index(fields=["created_at"], name="ingest_receipts_created_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("api_key", "idempotency_key"), name="ingest_receipts_api_key_id_key"
                    )
                ],
            },
        ),
        add_foreign_key("ingest_receipts", "api_key_id", "api_keys", on_delete="CASCADE"),
    ]
