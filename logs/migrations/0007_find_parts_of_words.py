"""Nothing any more: earlier versions made the extension pg_trgm for indexes that 0021_drop_trigram_indexes drops."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("logs", "0006_saved_views")]

    operations = []
