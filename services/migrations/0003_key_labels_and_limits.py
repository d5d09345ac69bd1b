"""What keys need to be distinguished, limited and rotated."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from pulseops.core.db.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("services", "0002_manage"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE api_key_rate_buckets ADD COLUMN IF NOT EXISTS id bigserial UNIQUE",
                    reverse_sql="ALTER TABLE api_key_rate_buckets DROP COLUMN id",
                )
            ],
            state_operations=[
                migrations.RemoveField(model_name="ratebucket", name="pk"),
                migrations.AddField(
                    model_name="ratebucket",
                    name="id",
                    field=models.BigAutoField(primary_key=True, serialize=False),
                ),
                migrations.AddConstraint(
                    model_name="ratebucket",
                    constraint=models.UniqueConstraint(
                        fields=("api_key", "window_start"), name="api_key_rate_buckets_pkey"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="apikey",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="label",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_four",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="rate_per_minute",
            field=models.IntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)]),
        ),
        run_sql_file(__file__, "0003_uuid_defaults.sql"),
    ]
