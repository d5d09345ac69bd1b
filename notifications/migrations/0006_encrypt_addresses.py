"""Encrypt the addresses of channels: anyone who has one can post there, and a copy of the database should give none."""

from typing import Any

from django.db import migrations

from notifications.webhook_addresses import PLAIN, address_in, with_address


def encrypt(apps: Any, schema_editor: Any) -> None:
    for channel in apps.get_model("notifications", "Channel").objects.using(schema_editor.connection.alias):
        if isinstance(channel.config_json, dict) and any(channel.config_json.get(name) for name in PLAIN):
            channel.config_json = with_address(channel.config_json, address_in(channel.config_json))
            channel.save(update_fields=["config_json"])


def decrypt(apps: Any, schema_editor: Any) -> None:
    for channel in apps.get_model("notifications", "Channel").objects.using(schema_editor.connection.alias):
        if url := address_in(channel.config_json):
            channel.config_json = {"webhook_url": url}
            channel.save(update_fields=["config_json"])


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_adopt")]

    operations = [migrations.RunPython(encrypt, decrypt)]
