"""Channels choose what they are notified of, and messages may be held back by quiet hours."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0009_more_kinds")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="routing_json",
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(model_name="job", name="held_until", field=models.DateTimeField(blank=True, null=True)),
    ]
