"""The rate of keys that send by protocols which are not ours: a bucket of tokens for each, refilled all the time."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("services", "0005_count_bytes")]

    operations = [
        migrations.CreateModel(
            name="TokenBucket",
            fields=[
                (
                    "api_key",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="token_bucket",
                        serialize=False,
                        to="services.apikey",
                    ),
                ),
                ("tokens", models.FloatField()),
                ("filled_at", models.DateTimeField()),
            ],
            options={"db_table": "api_key_token_buckets"},
        ),
        migrations.RunSQL(
            """
            ALTER TABLE api_key_token_buckets ADD CONSTRAINT api_key_token_buckets_api_key_id_fkey
                FOREIGN KEY (api_key_id) REFERENCES api_keys (id) ON DELETE CASCADE
            """,
            "ALTER TABLE api_key_token_buckets DROP CONSTRAINT api_key_token_buckets_api_key_id_fkey",
        ),
    ]
