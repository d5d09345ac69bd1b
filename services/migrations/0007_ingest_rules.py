"""Services say what is done to their logs before they are stored."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("services", "0006_token_buckets")]

    operations = [
        migrations.AddField(
            model_name="service",
            name="ingest_rules",
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name="service",
            name="ingest_version",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
    ]
