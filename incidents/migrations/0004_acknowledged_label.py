"""The label of the status `investigating` is Acknowledged; nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("incidents", "0003_detections_and_assignees")]

    operations = [
        migrations.AlterField(
            "incident",
            "status",
            models.TextField(
                choices=[("open", "Open"), ("investigating", "Acknowledged"), ("resolved", "Resolved")],
            ),
        ),
    ]
