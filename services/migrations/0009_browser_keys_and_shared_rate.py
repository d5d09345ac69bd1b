"""Keys for the scripts of web pages; token buckets that know what came by our own protocol."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("services", "0008_last_sender")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="origins",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="tokenbucket",
            name="seen_count",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="tokenbucket",
            name="seen_window",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("origins__isnull", False)), fields=["origins"], name="api_keys_origins_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("origins", None), models.Q(("origins__len__gt", 0), ("scopes", ["logs"])), _connector="OR"
                ),
                name="api_keys_origins_check",
            ),
        ),
    ]
