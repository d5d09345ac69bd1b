"""What last sent an entry that was refused."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("logs", "0013_count_ingest_rules")]

    operations = [
        migrations.AddField("ingestrefusal", "client", models.TextField(blank=True, db_default="", default="")),
    ]
