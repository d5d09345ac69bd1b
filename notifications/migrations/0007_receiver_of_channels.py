"""A column says who takes a channel's messages, so that receivers that do not answer are counted whatever their kind."""

from typing import Any

from django.db import migrations, models

from notifications.webhook_addresses import host_in


def name_receivers(apps: Any, schema_editor: Any) -> None:
    channels = apps.get_model("notifications", "Channel").objects.using(schema_editor.connection.alias)
    for channel in channels:
        channel.receiver = host_in(channel.config_json)
        channel.save(update_fields=["receiver"])


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_encrypt_addresses")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="receiver",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.RunPython(name_receivers, migrations.RunPython.noop),
    ]
