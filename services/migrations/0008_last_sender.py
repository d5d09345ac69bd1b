"""What a key was last used by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("services", "0007_ingest_rules")]

    operations = [
        migrations.AddField("apikey", "last_protocol", models.TextField(blank=True, db_default="", default="")),
        migrations.AddField("apikey", "last_client", models.TextField(blank=True, db_default="", default="")),
    ]
