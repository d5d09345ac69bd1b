"""Nothing any more: earlier versions made the extension btree_gin for indexes that 0021_drop_trigram_indexes drops."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("logs", "0008_find_what_came_last")]

    operations = []
