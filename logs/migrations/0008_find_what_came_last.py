"""Let rules that count other levels than errors read the logs that came last, and no others."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("logs", "0007_find_parts_of_words")]

    operations = [
        migrations.AddIndex(
            model_name="logentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="logs_received_idx", pages_per_range=32
            ),
        ),
    ]
