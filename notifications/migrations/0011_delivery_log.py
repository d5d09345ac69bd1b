"""Each try to send a message is kept for a while, with what the receiver said."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.models.functions import Now

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_identity_providers"), ("notifications", "0010_routing")]

    operations = [
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", models.UUIDField()),
                ("events", models.IntegerField()),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("sent", "Sent"),
                            ("limited", "Asked to wait"),
                            ("retried", "To be tried again"),
                            ("failed", "Failed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("seconds", models.FloatField()),
                ("at", models.DateTimeField(db_default=Now(), default=django.utils.timezone.now)),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="attempts",
                        to="notifications.channel",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
            ],
            options={
                "db_table": "notification_attempts",
                "indexes": [
                    models.Index(
                        models.F("channel"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="notification_attempts_channel",
                    )
                ],
            },
        ),
        add_foreign_key("notification_attempts", "org_id", "orgs", on_delete="CASCADE"),
        add_foreign_key("notification_attempts", "channel_id", "notification_channels", on_delete="CASCADE"),
    ]
